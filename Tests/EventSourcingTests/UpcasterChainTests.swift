import EventSourcing
import Testing

@Suite struct UpcasterChainTests {
    /// Lifts by writing down the type and the version that it lifts from.
    private func upcaster(from version: UInt16) -> Upcaster {
        Upcaster(from: version) { type, data throws(EventDecodingError) in
            data + Array(" \(type) \(version)".utf8)
        }
    }

    private func text(
        _ chain: UpcasterChain, _ version: UInt16
    ) throws -> String {
        String(
            decoding: try chain.lifted(Array("data".utf8), ofType: "Happened", schemaVersion: version), as: UTF8.self)
    }

    @Test(
        arguments: [
            (1, "data Happened 1 Happened 2 Happened 3"), (2, "data Happened 2 Happened 3"), (3, "data Happened 3"),
            (4, "data"),
        ] as [(UInt16, String)])
    func `each version passes all upcasters from its own on, in order`(version: UInt16, lifted: String) throws {
        let chain = UpcasterChain(to: 4, (1...3).map(upcaster))
        #expect(try text(chain, version) == lifted)
    }

    @Test(arguments: [5, 6, .max] as [UInt16])
    func `a newer version is refused, and said to be newer`(version: UInt16) {
        let chain = UpcasterChain(to: 4, (1...3).map(upcaster))
        let error = #expect(throws: EventDecodingError.self) { _ = try text(chain, version) }
        #expect(error?.type == "Happened")
        #expect(error?.schemaVersion == version)
        #expect(error?.reason == "this program knows versions 1 to 4 only; a newer program wrote it")
    }

    @Test func `a version older than the first upcaster is refused`() throws {
        let chain = UpcasterChain(to: 4, [upcaster(from: 3)])
        #expect(try text(chain, 3) == "data Happened 3")
        for version in 0...2 as ClosedRange<UInt16> {
            let error = #expect(throws: EventDecodingError.self) { _ = try text(chain, version) }
            #expect(error?.reason == "this program knows versions 3 to 4 only")
        }
    }

    @Test func `a chain without upcasters knows the current version only`() throws {
        let chain = UpcasterChain(to: 1, [])
        #expect(chain.currentVersion == 1)
        #expect(try text(chain, 1) == "data")
        for version in [0, 2] as [UInt16] {
            #expect(throws: EventDecodingError.self) { _ = try text(chain, version) }
        }
    }

    @Test func `what an upcaster cannot lift ends the chain with its reason`() throws {
        let failing = Upcaster(from: 2) { type, _ throws(EventDecodingError) in
            throw EventDecodingError(type: type, schemaVersion: 2, reason: "cannot be lifted")
        }
        let never = Upcaster(from: 3) { _, data throws(EventDecodingError) in
            Issue.record("lifted what could not be")
            return data
        }
        let chain = UpcasterChain(to: 4, [upcaster(from: 1), failing, never])
        for version in 1...2 as ClosedRange<UInt16> {
            let error = #expect(throws: EventDecodingError.self) { _ = try text(chain, version) }
            #expect(error == EventDecodingError(type: "Happened", schemaVersion: 2, reason: "cannot be lifted"))
        }
    }
}

import EventSourcing
import Testing

@testable import ServiceSupport

/// What a gateway proves itself by to the query service.
@Suite struct GatewayProofTests {
    private let now: Int64 = 1_800_000_000

    private func proof(_ byte: UInt8) throws -> GatewayProof {
        let key = try #require(SnapshotKey(sharedSecret: Array(repeating: byte, count: 32)))
        return try #require(GatewayProof(key))
    }

    @Test func `a proof holds for whoever has the key`() throws {
        let text = try proof(1).make(at: now)
        #expect(try proof(1).isValid(text, at: now))
        #expect(try !proof(2).isValid(text, at: now))
    }

    @Test func `a proof ends, whichever clock is ahead`() throws {
        let text = try proof(1).make(at: now)
        for seconds in [-300, -1, 1, 300] as [Int64] { #expect(try proof(1).isValid(text, at: now + seconds)) }
        for seconds in [-301, 301, 1 << 60, -(1 << 60)] as [Int64] {
            #expect(try !proof(1).isValid(text, at: now + seconds))
        }
    }

    @Test(arguments: [
        "", ".", "1", "1.", "1800000000", "1800000000.", "1800000000.00", "x.00", "9223372036854775807.00",
        "-9223372036854775808.00", String(repeating: "1", count: 10_000),
    ]) func `anything else is none`(text: String) throws {
        #expect(try !proof(1).isValid(text, at: now))
    }

    @Test func `another time with the same digest is none`() throws {
        let digest = try proof(1).make(at: now).split(separator: ".")[1]
        #expect(try !proof(1).isValid("\(now + 1).\(digest)", at: now))
    }

    @Test func `a key of one process proves nothing to another`() {
        #expect(GatewayProof(.ofThisProcess()) == nil)
    }
}

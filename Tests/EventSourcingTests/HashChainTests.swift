import EventSourcing
import Testing

@Suite struct HashChainTests {
    private let logID = UniqueID(high: 0x0001_0203_0405_0607, low: 0x0809_0A0B_0C0D_0E0F)

    @Test func `the hash before position 1 is SHA-256 of the log id`() {
        // printf of the bytes 00 to 0f, through sha256sum.
        #expect(
            HashChain.genesis(of: logID).description
                == "be45cb2605bf36bebde684841a28f0fd43c69850a3dce5fedba69928ee3a8991")
    }

    @Test func `I10: a record's hash is SHA-256 over exactly the bytes that the contract names`() throws {
        let stream = try #require(StreamID(category: "account", name: "acc-001"))
        let event = record(
            position: 2, stream: stream, type: "MoneyDeposited", version: 1, time: 1_767_323_045_678_901, id: 5,
            metadata: "{\"by\":\"x\"}", data: "{\"amount\":\"500.00\"}")
        // Made by Python's struct and hashlib from the table of the contract; see the name of each value there.
        #expect(
            HashChain.hash(of: event, after: HashChain.genesis(of: logID), in: logID).description == Self.expected)
    }

    @Test func `I10: every part of a record changes its hash`() throws {
        let stream = try #require(StreamID(category: "account", name: "a"))
        let other = try #require(StreamID(category: "account", name: "b"))
        let previous = HashChain.genesis(of: logID)
        let variants = [
            record(stream: stream), record(position: 2, stream: stream), record(stream: other),
            record(stream: stream, type: "Happene"), record(stream: stream, version: 2),
            record(stream: stream, time: 2),
            record(stream: stream, id: 2), record(stream: stream, metadata: "{}", data: ""),
            record(stream: stream, data: "{ }"), record(stream: stream, metadata: "{}"),
        ]
        var hashes = variants.map { HashChain.hash(of: $0, after: previous, in: logID) }
        hashes.append(HashChain.hash(of: variants[0], after: hashes[0], in: logID))
        hashes.append(HashChain.hash(of: variants[0], after: previous, in: UniqueID(high: 1, low: 1)))
        #expect(Set(hashes).count == hashes.count)
    }

    @Test func `a header is read as it was written`() throws {
        let stream = try #require(StreamID(category: "account", name: "a"))
        let header = RecordHeader(
            of: record(position: 7, stream: stream, version: 3, time: -5, hash: Digest256(1, 2, 3, 4)), in: logID)
        var bytes = [UInt8](repeating: 0, count: RecordHeader.size)
        bytes.withUnsafeMutableBytes { header.write(to: $0) }
        #expect(bytes.withUnsafeBytes { RecordHeader($0) } == header)
        #expect(bytes[..<8] == [0x44, 0x42, 0x4B, 0x31, 1, 0, 0, 1])
        #expect(bytes[..<95].withUnsafeBytes { RecordHeader($0) } == nil)
        for offset in 0...5 {
            var broken = bytes
            broken[offset] = 0xEE
            #expect(broken.withUnsafeBytes { RecordHeader($0) } == nil, "byte \(offset)")
        }
    }

    @Test func `a digest keeps its bytes`() {
        let bytes = (0..<32).map { UInt8($0) }
        #expect(Digest256(bytes)?.bytes == bytes)
        #expect(Digest256(bytes)?.description.hasPrefix("000102030405060708") == true)
        #expect(Digest256(bytes.dropLast()) == nil)
    }

    private static let expected = "a704e9ee930011df019d3c5dbd54ca51f5ce6ccf962f7a523cf0bf137658c6aa"
}

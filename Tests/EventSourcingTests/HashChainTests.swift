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

    /// Made by Python's struct and hashlib from the table of the contract; see the name of each value there.
    @Test(arguments: [
        (false, "a704e9ee930011df019d3c5dbd54ca51f5ce6ccf962f7a523cf0bf137658c6aa"),
        (true, "35143a6f06dccd1de1e8050dcb48437a896a1d10693182473923fc8dd785949f"),
    ])
    func `I10: a record's hash is SHA-256 over exactly the bytes that the contract names`(
        continues: Bool, expected: String
    ) throws {
        let stream = try #require(StreamID(category: "account", name: "acc-001"))
        let event = record(
            position: 2, stream: stream, type: "MoneyDeposited", version: 1, time: 1_767_323_045_678_901, id: 5,
            metadata: "{\"by\":\"x\"}", data: "{\"amount\":\"500.00\"}", continues: continues)
        #expect(HashChain.hash(of: event, after: HashChain.genesis(of: logID), in: logID).description == expected)
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
            record(stream: stream, continues: true),
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

    @Test func `whether an append goes on is bit 0 of the flags, and no other is known`() throws {
        let stream = try #require(StreamID(category: "account", name: "a"))
        var bytes = [UInt8](repeating: 0, count: RecordHeader.size)
        for continues in [false, true] {
            let header = RecordHeader(of: record(stream: stream, continues: continues), in: logID)
            bytes.withUnsafeMutableBytes { header.write(to: $0) }
            #expect(bytes[5] == (continues ? 1 : 0))
            #expect(bytes.withUnsafeBytes { RecordHeader($0) } == header)
        }
        for flags in 2...UInt8.max {
            bytes[5] = flags
            #expect(bytes.withUnsafeBytes { RecordHeader($0) } == nil, "flags \(flags)")
        }
        let head = LogHead(position: 1, hash: Digest256(1, 2, 3, 4), recordedAt: Timestamp(microseconds: 0))
        bytes.withUnsafeMutableBytes { RecordHeader(heartbeatOf: logID, at: head).write(to: $0) }
        #expect(bytes.withUnsafeBytes { RecordHeader($0) }?.continues == false)
        bytes[5] = 1
        #expect(bytes.withUnsafeBytes { RecordHeader($0) } == nil, "a heartbeat is no part of an append")
    }

    @Test func `a digest keeps its bytes`() {
        let bytes = (0..<32).map { UInt8($0) }
        #expect(Digest256(bytes)?.bytes == bytes)
        #expect(Digest256(bytes)?.description.hasPrefix("000102030405060708") == true)
        #expect(Digest256(bytes.dropLast()) == nil)
    }
}

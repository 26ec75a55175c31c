import EventLogProtocol
import EventSourcing
import Testing

/// The bytes of what the log says of appends over several streams, written out.
@Suite struct SeveralStreamsFrameTests {
    private let a = StreamID(category: "account", name: "a")!
    private let b = StreamID(category: "account", name: "b")!
    private let logID = UniqueID(high: 3, low: 4)
    private let commit = Commit(position: 9, recordedAt: Timestamp(microseconds: 5), streamVersions: [3, 7])

    private func frame(_ reply: LogReply) -> String {
        reply.encoded(number: 1, logID: logID).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    private func read(_ hexadecimal: String) throws -> LogReply {
        let digits = Array(hexadecimal)
        let bytes = stride(from: 0, to: digits.count, by: 2).map { UInt8(String(digits[$0...($0 + 1)]), radix: 16)! }
        return try bytes.withUnsafeBytes { (frame) throws -> LogReply in try LogReply.decode(frame).0 }
    }

    private let head = "44424b31" + "90" + "00" + "0000" + "0000000000000001"
    private let committed = "0000000000000009" + "0000000000000005" + "0002" + "0000000000000003" + "0000000000000007"
    /// Category and name, each behind its length.
    private let ofA = "07" + "6163636f756e74" + "01" + "61"
    private let ofB = "07" + "6163636f756e74" + "01" + "62"

    @Test func `a conflict names each stream with its write, its version and what was missed`() throws {
        let conflict = AppendConflict([
            StreamConflict(write: 0, stream: a, actual: 3, missed: []),
            StreamConflict(write: 2, stream: b, actual: 7, missed: []),
        ])
        let (first, second) = ("0000\(ofA)000000000000000300000000", "0002\(ofB)000000000000000700000000")
        #expect(frame(.append(.conflict(conflict))) == head + "03" + "0002" + first + second)
        #expect(try read(head + "03" + "0002" + first + second) == .append(.conflict(conflict)))
        for malformed in ["0000", "0002" + second + first, "0002" + first + first, "0003" + first + second] {
            #expect(throws: MalformedFrame.self, "\(malformed)") { try read(head + "03" + malformed) }
        }
        // What an older log sends: the number of the write, its version, and records.
        #expect(throws: MalformedFrame.self) { try read(head + "03" + "0000" + "0000000000000003" + "00000000") }
    }

    @Test func `an outcome names the streams of its append`() throws {
        let replayed = LogReply.append(
            .replayed(KeyedOutcome(streams: [a, b], commit: commit, outcome: [0xAB])))
        let kept = "00000001" + "ab"
        #expect(frame(replayed) == head + "01" + committed + "0002" + ofA + ofB + kept)
        #expect(try read(head + "01" + committed + "0002" + ofA + ofB + kept) == replayed)
        let older = LogReply.append(.replayed(KeyedOutcome(streams: [a], commit: commit, outcome: [0xAB])))
        #expect(try read(head + "01" + committed + "0001" + ofA + kept) == older)
        for malformed in ["0000", "0003" + ofA + ofB + ofA] {
            #expect(throws: MalformedFrame.self, "\(malformed)") {
                try read(head + "01" + committed + malformed + kept)
            }
        }
        // What an older log sends: no streams.
        #expect(throws: MalformedFrame.self) { try read(head + "01" + committed + kept) }
    }

    @Test(arguments: [2, 3, 0x80, 0xFF] as [UInt8])
    func `a record with other flags than bit 0 is malformed, wherever it stands`(flags: UInt8) throws {
        let record = RecordedEvent(
            position: 9, stream: a, streamVersion: 3, recordedAt: Timestamp(microseconds: 77),
            event: NewEvent(id: UniqueID(high: 1, low: 2), type: "Happened", schemaVersion: 1, data: [0x30]),
            continues: true, hash: Digest256(5, 6, 7, 8))
        let replies: [LogReply] = [
            .stream(StreamSlice(events: [record], version: 3)),
            .append(.conflict(AppendConflict([StreamConflict(write: 0, stream: a, actual: 3, missed: [record])]))),
        ]
        for reply in replies {
            var bytes = reply.encoded(number: 1, logID: logID)
            // The magic of the record, behind that of the frame.
            let magic = try #require(bytes[4...].firstRange(of: Array("DBK1".utf8)))
            #expect(bytes[magic.lowerBound + 5] == 1)
            bytes[magic.lowerBound + 5] = flags
            #expect(throws: MalformedFrame.self) {
                try bytes.withUnsafeBytes { (frame) throws in _ = try LogReply.decode(frame) }
            }
        }
    }
}

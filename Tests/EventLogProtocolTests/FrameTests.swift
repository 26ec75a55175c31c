import EventLogProtocol
import EventSourcing
import TestSupport
import Testing

@Suite struct FrameTests {
    private let stream = StreamID(category: "account", name: "acc-001")!
    private let logID = UniqueID(high: 3, low: 4)

    private var event: NewEvent {
        NewEvent(
            id: UniqueID(high: 1, low: 2), type: "MoneyDeposited", schemaVersion: 2, metadata: Array("{}".utf8),
            data: Array("{\"amount\":\"5.00\"}".utf8))
    }

    private var record: RecordedEvent { record(continues: false) }

    private func record(continues: Bool) -> RecordedEvent {
        RecordedEvent(
            position: 9, stream: stream, streamVersion: 3, recordedAt: Timestamp(microseconds: 77), event: event,
            continues: continues, hash: Digest256(5, 6, 7, 8))
    }

    private var snapshot: Snapshot {
        Snapshot(
            stream: stream, version: 7, lastEvent: UniqueID(high: 8, low: 9),
            createdAt: Timestamp(microseconds: -1), updatedAt: Timestamp(microseconds: 2),
            fingerprint: Digest256(4, 3, 2, 1), state: [0, 1, 255])
    }

    private var requests: [LogRequest] {
        let other = StreamID(category: "account", name: "b")!
        return [
            .append(AppendRequest(writes: [StreamWrite(stream: stream, expected: .any, events: [event])])),
            .append(
                AppendRequest(
                    command: CommandKey(
                        key: Array("key".utf8), fingerprint: Digest256(1, 2, 3, 4), outcome: [1, 2, 3]),
                    writes: [
                        StreamWrite(stream: stream, expected: .exactly(0), events: []),
                        StreamWrite(
                            stream: other, expected: .exactly(7, lastEvent: UniqueID(high: 9, low: 9)),
                            events: [event, event]),
                    ])),
            .readLog(after: 5, limit: ReadLimit(events: 10, bytes: 1000)),
            .readStream(stream, after: 5, limit: ReadLimit(events: 10, bytes: 1000)), .status,
            .outcome(key: [1], scope: stream), .keepSnapshot(snapshot),
            .dropSnapshot(of: stream, fingerprint: Digest256(4, 3, 2, 1), version: 7),
            .loadStream(
                stream, fingerprint: Digest256(4, 3, 2, 1), upTo: .max, limit: ReadLimit(events: 10, bytes: 1000)),
            .streamVersion(of: stream, at: Timestamp(microseconds: -5)),
        ]
    }

    private var replies: [LogReply] {
        let commit = Commit(position: 4, recordedAt: Timestamp(microseconds: 5), streamVersions: [1, 2])
        let status = LogStatus(
            logID: logID,
            head: LogHead(position: 9, hash: Digest256(1, 1, 1, 1), recordedAt: Timestamp(microseconds: 6)))
        let other = StreamID(category: "account", name: "b")!
        let outcome = KeyedOutcome(streams: [stream, other], commit: commit, outcome: [4, 5])
        let older = KeyedOutcome(streams: [stream], commit: commit, outcome: [])
        let missed = StreamConflict(write: 1, stream: stream, actual: 9, missed: [record(continues: true), record])
        return [
            .append(.committed(commit)), .append(.replayed(outcome)), .append(.replayed(older)), .append(.keyReused),
            .append(.conflict(AppendConflict([missed]))),
            .append(
                .conflict(AppendConflict([missed, StreamConflict(write: 3, stream: other, actual: 0, missed: [])]))),
            .append(.invalid("because")),
            .log(LogPage(status: status, records: [record(continues: true), record])),
            .stream(StreamSlice(events: [record], version: 3)), .status(status),
            .status(LogStatus(logID: logID, head: status.head, epoch: 7)),
            .log(LogPage(status: LogStatus(logID: logID, head: status.head, epoch: 7), records: [record])),
            .outcome(nil),
            .outcome(BoundOutcome(fingerprint: Digest256(2, 2, 2, 2), outcome: outcome)),
            .snapshot(isKept: true), .snapshot(isKept: false),
            .loaded(LoadedStream(snapshot: nil, slice: StreamSlice(events: [], version: 0))),
            .loaded(LoadedStream(snapshot: snapshot, slice: StreamSlice(events: [record, record], version: 9))),
            .streamVersion(0), .streamVersion(RecordedEvent.maxOrdinal), .refusal(LogRefusal(.overloaded, "too much")),
            .refusal(LogRefusal(.notLeader, "another one")),
        ]
    }

    private func request(in bytes: [UInt8]) throws -> (LogRequest, number: UInt64) {
        try bytes.withUnsafeBytes { (frame) throws -> (LogRequest, number: UInt64) in try LogRequest.decode(frame) }
    }

    private func reply(in bytes: [UInt8]) throws -> (LogReply, number: UInt64) {
        try bytes.withUnsafeBytes { (frame) throws -> (LogReply, number: UInt64) in try LogReply.decode(frame) }
    }

    @Test func `there is a frame of every kind`() {
        #expect(Set(requests.map(\.kind)).union(replies.map(\.kind)) == Set(FrameKind.allCases))
    }

    @Test func `requests are read as they were written, and nothing shorter or longer is`() throws {
        for (number, request) in requests.enumerated() {
            let bytes = request.encoded(number: UInt64(number))
            let (read, readNumber) = try self.request(in: bytes)
            #expect(read == request)
            #expect(readNumber == UInt64(number))
            for count in 0..<bytes.count {
                #expect(throws: MalformedFrame.self, "\(request.kind) cut to \(count)") {
                    _ = try self.request(in: Array(bytes[..<count]))
                }
            }
            #expect(throws: MalformedFrame.self) { _ = try self.request(in: bytes + [0]) }
            #expect(throws: MalformedFrame.self) { _ = try self.reply(in: bytes) }
        }
    }

    @Test func `replies are read as they were written, and nothing shorter or longer is`() throws {
        for (number, reply) in replies.enumerated() {
            let bytes = reply.encoded(number: UInt64(number), logID: logID)
            let (read, readNumber) = try self.reply(in: bytes)
            #expect(read == reply)
            #expect(readNumber == UInt64(number))
            for count in 0..<bytes.count {
                #expect(throws: MalformedFrame.self, "\(reply.kind) cut to \(count)") {
                    _ = try self.reply(in: Array(bytes[..<count]))
                }
            }
            #expect(throws: MalformedFrame.self) { _ = try self.reply(in: bytes + [0]) }
            #expect(throws: MalformedFrame.self) { _ = try self.request(in: bytes) }
        }
    }

    @Test func `records of another log are not taken for this one's`() throws {
        let status = LogStatus(
            logID: logID, head: LogHead(position: 9, hash: record.hash, recordedAt: record.recordedAt))
        let bytes = LogReply.log(LogPage(status: status, records: [record]))
            .encoded(number: 1, logID: UniqueID(high: 1, low: 1))
        #expect(throws: MalformedFrame.self) { _ = try self.reply(in: bytes) }
    }

    @Test(arguments: [0, 1, 3]) func `a page that is written as its records come is the page of values`(count: Int) {
        func status(_ position: UInt64) -> LogStatus {
            LogStatus(
                logID: logID, head: LogHead(position: position, hash: record.hash, recordedAt: record.recordedAt))
        }
        let records = (0..<count).map { record(continues: $0 + 1 < count) }
        for (old, new) in [(record.position + 7, nil), (record.position - 1, record.position)] as [(UInt64, UInt64?)] {
            var page = LogPageWriter(number: 99, status: status(old))
            for record in records { record.withView(in: logID) { page.add($0) } }
            #expect(page.last == (count == 0 ? old : max(old, record.position)))
            let written = page.frame(status: new.map(status))
            let values = LogReply.log(LogPage(status: status(new ?? old), records: records))
            #expect(written == values.encoded(number: 99, logID: logID))
        }
    }

    /// Whatever comes in, decoding ends in a value or in MalformedFrame; a value that was read is written as it was.
    @Test func `random and damaged frames never do harm`() throws {
        var random = SeededGenerator(seed: 11)
        let frames = requests.map { $0.encoded(number: 1) } + replies.map { $0.encoded(number: 1, logID: logID) }
        var accepted = 0
        for round in 0..<60_000 {
            var bytes: [UInt8]
            if round % 3 == 0 {
                bytes = (0..<Int.random(in: 0...200, using: &random)).map { _ in .random(in: 0...255, using: &random) }
                if bytes.count >= 5, Bool.random(using: &random) {
                    bytes.replaceSubrange(0..<4, with: Array("DBK1".utf8))
                    bytes[4] = FrameKind.allCases.randomElement(using: &random)!.rawValue
                }
            } else {
                bytes = frames.randomElement(using: &random)!
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    bytes[Int.random(in: 0..<bytes.count, using: &random)] = .random(in: 0...255, using: &random)
                }
            }
            do {
                let (request, number) = try self.request(in: bytes)
                #expect(request.encoded(number: number) == bytes)
                accepted += 1
            } catch {
                #expect(error is MalformedFrame)
            }
            do {
                _ = try self.reply(in: bytes)
                accepted += 1
            } catch {
                #expect(error is MalformedFrame)
            }
        }
        #expect(accepted > 100, "the damage was such that nothing was ever read: the test tests nothing")
    }

    @Test func `a reason too long for its frame is cut between characters`() throws {
        let reply = LogReply.refusal(LogRefusal(.failed, String(repeating: "ä", count: 900)))
        let (read, _) = try self.reply(in: reply.encoded(number: 1, logID: logID))
        #expect(read == .refusal(LogRefusal(.failed, String(repeating: "ä", count: 500))))
    }
}

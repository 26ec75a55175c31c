import Accounts
import EventLogProtocol
import EventSourcing
import ZeroMQ

/// Called by libFuzzer at the start.
@_cdecl("LLVMFuzzerInitialize")
public func initializeWire(_: UnsafeMutableRawPointer?, _: UnsafeMutableRawPointer?) -> CInt { writeSeeds(seeds) }

private let logID = UniqueID(high: 0x0198_0000_0000_7000, low: 0x8000_0000_0000_0001)

/// Frames of every kind, as the services write them.
private func seeds() -> [Seed] {
    guard let stream = StreamID(category: "account", name: "acc-001"),
        let other = StreamID(category: "account", name: "b")
    else { return [] }
    let time = Timestamp(microseconds: 1_767_323_045_678_901)
    let events: [(String, UInt16, String)] = [
        ("AccountOpened", 2, #"{"owner":"Alice","initial_balance":"10.00","currency":"USD"}"#),
        ("MoneyDeposited", 2, #"{"amount":"5.00"}"#), ("MoneyWithdrawn", 1, #"{"amount":2.5e0}"#),
    ]
    var head = LogHead(position: 0, hash: HashChain.genesis(of: logID), recordedAt: time)
    var records: [RecordedEvent] = []
    for (index, (type, schema, data)) in events.enumerated() {
        let event = NewEvent(
            id: .version7(at: time), type: type, schemaVersion: schema, metadata: index == 1 ? Array("{}".utf8) : [],
            data: Array(data.utf8))
        records.append(
            // The last two are of one append.
            HashChain.record(
                event, of: stream, at: UInt64(index + 1), continues: index == 1, on: head, recordedAt: time, in: logID))
        head = LogHead(position: records[index].position, hash: records[index].hash, recordedAt: time)
    }
    let snapshot = Snapshot(
        stream: stream, version: 1, lastEvent: records[0].event.id, createdAt: time, updatedAt: time,
        fingerprint: Account.snapshotFingerprint, state: Array(#"{"owner":"A","currency":"USD","balance":"1.00"}"#.utf8)
    )
    let new = records.map(\.event)
    let command = CommandKey(key: Array("key".utf8), fingerprint: Digest256(1, 2, 3, 4), outcome: [0])
    let limit = ReadLimit(events: 10, bytes: 1000)
    let requests: [LogRequest] = [
        .append(
            AppendRequest(
                command: command,
                writes: [
                    StreamWrite(stream: stream, expected: .exactly(3, lastEvent: new[2].id), events: new),
                    StreamWrite(stream: other, expected: .any, events: []),
                ])), .readLog(after: 1, limit: limit), .readStream(stream, after: 1, limit: limit), .status,
        .outcome(key: [1, 2], scope: stream), .keepSnapshot(snapshot),
        .dropSnapshot(of: stream, fingerprint: Digest256(1, 2, 3, 4), version: 2),
        .loadStream(stream, fingerprint: Digest256(1, 2, 3, 4), upTo: .max, limit: limit),
        .streamVersion(of: stream, at: time),
        .append(
            AppendRequest(writes: [
                StreamWrite(stream: stream, expected: .exactly(3), events: []),
                StreamWrite(stream: other, expected: .exactly(0), events: []),
            ])),
    ]
    let commit = Commit(position: 4, recordedAt: time, streamVersions: [1, 2])
    let status = LogStatus(logID: logID, head: head)
    let led = LogStatus(logID: logID, head: head, epoch: 5)
    let keyed = KeyedOutcome(streams: [stream, other], commit: commit, outcome: [0])
    let slice = StreamSlice(events: records, version: 3)
    let replies: [LogReply] = [
        .append(.committed(commit)), .append(.replayed(keyed)), .append(.keyReused),
        .append(.conflict(AppendConflict([StreamConflict(write: 0, stream: stream, actual: 3, missed: records)]))),
        .append(.invalid("because")),
        .log(LogPage(status: status, records: records)), .stream(slice), .status(status), .outcome(nil),
        .outcome(BoundOutcome(fingerprint: Digest256(2, 2, 2, 2), outcome: keyed)), .snapshot(isKept: true),
        .loaded(LoadedStream(snapshot: snapshot, slice: slice)), .streamVersion(3),
        .refusal(LogRefusal(.overloaded, "too much")),
        .append(
            .conflict(
                AppendConflict([
                    StreamConflict(write: 0, stream: stream, actual: 3, missed: records),
                    StreamConflict(write: 1, stream: other, actual: 0, missed: []),
                ]))), .append(.replayed(KeyedOutcome(streams: [stream], commit: commit, outcome: []))),
        .status(led), .log(LogPage(status: led, records: records)), .refusal(LogRefusal(.notLeader, "another leads")),
    ]
    var seeds: [Seed] = []
    for (index, request) in requests.enumerated() {
        seeds.append(Seed("request-\(index)-\(request.kind)", 1, request.encoded(number: 7)))
    }
    for (index, reply) in replies.enumerated() {
        seeds.append(Seed("reply-\(index)-\(reply.kind)", 2, reply.encoded(number: 7, logID: logID)))
    }
    for (index, record) in records.enumerated() {
        let socket = Socket()
        _ = value { try PublishedMessage.send(record, in: logID, on: socket) }
        seeds.append(Seed("event-\(index)", 0, framed(socket.frames)))
        seeds.append(Seed("header-\(index)", 3, Array(socket.frames[1].prefix(RecordHeader.size))))
    }
    let socket = Socket()
    _ = value { try PublishedMessage.sendHeartbeat(of: logID, at: head, on: socket) }
    let ledSocket = Socket()
    _ = value { try PublishedMessage.sendHeartbeat(of: logID, at: head, epoch: 5, on: ledSocket) }
    seeds.append(Seed("heartbeat-epoch", 0, framed(ledSocket.frames)))
    seeds.append(Seed("topic", 5, [], records[0].topic))
    seeds.append(Seed("topic-prefix", 5, [], "account/Money"))
    seeds.append(Seed("heartbeat", 0, framed(socket.frames)))
    seeds.append(Seed("subscription-live", 4, [0, 1, 0, 0, 2, 0, 0, 0, 0, 1, 0, 2, 0, 3]))
    seeds.append(Seed("subscription-gap", 4, [3, 0, 5, 2, 4, 2, 6, 0, 7, 4, 5, 1, 9, 9, 0xFF, 2]))
    seeds.append(Seed("subscription-end", 4, [0xF0, 0, 0xF0, 1, 0xF0, 0xF0, 2, 0xF2, 1, 0xF0]))
    return seeds
}

/// Frames, each behind its length but for the last.
private func framed(_ frames: [[UInt8]]) -> [UInt8] {
    frames.dropLast().flatMap { sized($0) } + (frames.last ?? [])
}

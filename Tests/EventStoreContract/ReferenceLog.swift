internal import EventSourcing

/// A log that is kept in arrays and does everything in the simplest way: what the model check compares a store with.
struct ReferenceLog {
    let logID: UniqueID
    private(set) var records: [RecordedEvent] = []
    private var keys: [Scope: (fingerprint: Digest256, outcome: KeyedOutcome)] = [:]

    private struct Scope: Hashable {
        let stream: StreamID
        let key: [UInt8]
    }

    init(logID: UniqueID) {
        self.logID = logID
    }

    var head: LogHead {
        guard let last = records.last else {
            return LogHead(
                position: 0, hash: HashChain.genesis(of: logID), recordedAt: Timestamp(microseconds: 0))
        }
        return LogHead(position: last.position, hash: last.hash, recordedAt: last.recordedAt)
    }

    func stream(_ stream: StreamID) -> [RecordedEvent] {
        records.filter { $0.stream == stream }
    }

    func version(of stream: StreamID, at time: Timestamp) -> UInt64 {
        UInt64(records.count { $0.stream == stream && $0.recordedAt <= time })
    }

    func outcome(of key: [UInt8], in scope: StreamID) -> (fingerprint: Digest256, outcome: KeyedOutcome)? {
        keys[Scope(stream: scope, key: key)]
    }

    /// Appends a batch of requests that break no rule.
    mutating func append(
        _ requests: [AppendRequest], at clock: Timestamp
    ) -> (results: [AppendResult], records: [RecordedEvent]) {
        let first = records.count
        let time = max(clock, head.recordedAt)
        let results = requests.map { append($0, at: time) }
        return (results, Array(records[first...]))
    }

    private mutating func append(_ request: AppendRequest, at time: Timestamp) -> AppendResult {
        let scope = request.command.map { Scope(stream: request.writes[0].stream, key: $0.key) }
        if let command = request.command, let scope, let known = keys[scope] {
            return known.fingerprint == command.fingerprint ? .replayed(known.outcome) : .keyReused
        }
        let conflicts = request.writes.enumerated().compactMap { conflict(of: $1, at: $0) }
        if !conflicts.isEmpty { return .conflict(AppendConflict(Self.shared(conflicts))) }
        let offered = request.writes.flatMap { write in write.events.map { (write.stream, $0) } }
        for (index, (stream, event)) in offered.enumerated() {
            record(event, in: stream, continues: index + 1 < offered.count, at: time)
        }
        let commit = Commit(
            position: head.position, recordedAt: time,
            streamVersions: request.writes.map { UInt64(stream($0.stream).count) })
        if let command = request.command, let scope {
            keys[scope] = (
                command.fingerprint,
                KeyedOutcome(streams: request.writes.map(\.stream), commit: commit, outcome: command.outcome)
            )
        }
        return .committed(commit)
    }

    private func conflict(of write: StreamWrite, at index: Int) -> StreamConflict? {
        guard case .exactly(let expected, let lastEvent) = write.expected else { return nil }
        let actual = stream(write.stream)
        let count = UInt64(actual.count)
        if expected == count && (lastEvent == nil || lastEvent == actual.last?.event.id) { return nil }
        var seen = Int(min(expected, count))
        // Another course, or a stream that is shorter than expected: one event more.
        if seen > 0 && (expected >= count || lastEvent != nil && lastEvent != actual[seen - 1].event.id) { seen -= 1 }
        return StreamConflict(write: index, stream: write.stream, actual: count, missed: Array(actual[seen...]))
    }

    /// Conflicts that show at most 100 events in all: each an equal share of what those before it left.
    private static func shared(_ conflicts: [StreamConflict]) -> [StreamConflict] {
        var left = 100
        return conflicts.enumerated().map { index, conflict in
            let missed = conflict.missed.prefix(min(left, max(1, left / (conflicts.count - index))))
            left -= missed.count
            return StreamConflict(
                write: conflict.write, stream: conflict.stream, actual: conflict.actual, missed: Array(missed))
        }
    }

    private mutating func record(_ event: NewEvent, in stream: StreamID, continues: Bool, at time: Timestamp) {
        func record(_ hash: Digest256) -> RecordedEvent {
            RecordedEvent(
                position: head.position + 1, stream: stream, streamVersion: UInt64(self.stream(stream).count) + 1,
                recordedAt: time, event: event, continues: continues, hash: hash)
        }
        records.append(record(HashChain.hash(of: record(head.hash), after: head.hash, in: logID)))
    }
}

internal import EventSourcing
internal import EventStoreRules

/// One batch of appends, decided on what is known of their streams and keys: pure, it asks no database.
///
/// It holds everything that changes; the writer takes it over only when the transaction is durable. A request is
/// judged in full before anything of it is taken, so that a refused one leaves nothing to undo.
struct Batch {
    /// An answer, or what is needed to give it.
    enum Answer {
        case ready(AppendResult)
        /// What the appender missed has to be read.
        case conflict([Conflict])
    }

    /// A stream in conflict.
    struct Conflict {
        /// Which of the append's writes, from 0.
        let write: Int
        let stream: StreamID
        let expected: ExpectedVersion
        /// The stream's version at that moment.
        let actual: UInt64
    }

    /// A record with what its row has beside it.
    struct Entry {
        let record: RecordedEvent
        let links: (previous: UInt64, skip: UInt64)
        /// Whether it is the last of its stream in this batch.
        var isEnd = false
        /// What was decided, if it is the last record of an append under a key.
        var decision: Decision?
    }

    /// What was decided under a key.
    struct Decision {
        let command: CommandKey
        let streams: [StreamID]
        let commit: Commit
    }

    /// The head after the requests so far.
    private(set) var head: LogHead
    /// The records made so far.
    private(set) var entries: [Entry] = []
    /// What was decided without events.
    private(set) var refusals: [Decision] = []
    /// The ends of the streams: those that were known before, and after the requests so far.
    private(set) var ends: [StreamID: StreamEnd]

    /// What was decided under keys.
    private(set) var decided: [ScopedKey: CommandKeys.Known] = [:]

    /// Of the streams that the requests so far have written to, which record is their last.
    private var changed: [StreamID: Int] = [:]
    private let keys: [ScopedKey: CommandKeys.Known]
    private let logID: UniqueID
    /// The time of all its records.
    private let time: Timestamp

    /// A batch that follows `head`.
    ///
    /// - Parameters:
    ///   - ends: those of every stream that the requests name.
    ///   - keys: what is known of the keys that they name.
    init(
        after head: LogHead, at time: Timestamp, in logID: UniqueID, ends: [StreamID: StreamEnd],
        keys: [ScopedKey: CommandKeys.Known]
    ) {
        self.head = head
        self.logID = logID
        self.ends = ends
        self.keys = keys
        // A clock that is set back must not make a log that runs backwards.
        self.time = max(time, head.recordedAt)
    }

    /// Whether there is something to write.
    var hasChanges: Bool { !entries.isEmpty || !refusals.isEmpty }

    /// The end of a stream that was written to; nil of every other stream.
    func changedEnd(of stream: StreamID) -> StreamEnd? { changed[stream] == nil ? nil : ends[stream] }

    /// The streams that were written to.
    var changedStreams: some Collection<StreamID> { changed.keys }

    /// Answers one append and takes its events.
    mutating func answer(_ request: AppendRequest) -> Answer {
        // The key before all else: what was decided stays decided, whatever became of the streams.
        if let command = request.command, let scope = request.writes.first?.stream,
            let known = known(of: ScopedKey(key: command.key, scope: scope))
        {
            return .ready(known.fingerprint == command.fingerprint ? .replayed(known.outcome) : .keyReused)
        }
        if let reason = AppendRules.violation(in: request) { return .ready(.invalid(reason)) }
        let ends = request.writes.map { self.ends[$0.stream, default: StreamEnd()] }
        let conflicts = request.writes.indices.compactMap { conflict(of: request, at: $0, ends[$0]) }
        guard conflicts.isEmpty else { return .conflict(conflicts) }
        if request.isCheck {
            return .ready(
                .committed(Commit(position: head.position, recordedAt: time, streamVersions: ends.map(\.version))))
        }
        return .ready(.committed(take(request)))
    }

    private func known(of key: ScopedKey) -> CommandKeys.Known? { decided[key] ?? keys[key] }

    private func conflict(of request: AppendRequest, at index: Int, _ end: StreamEnd) -> Conflict? {
        let write = request.writes[index]
        guard !ConflictRules.holds(write.expected, version: end.version, lastEvent: end.lastEvent) else { return nil }
        return Conflict(
            write: index, stream: write.stream, expected: write.expected, actual: end.version)
    }

    private mutating func take(_ request: AppendRequest) -> Commit {
        var rest = request.writes.reduce(0) { $0 + $1.events.count }
        let hasEvents = rest > 0
        for write in request.writes {
            for event in write.events {
                rest -= 1
                append(event, to: write.stream, continues: rest > 0)
            }
        }
        let commit = Commit(
            position: head.position, recordedAt: time,
            streamVersions: request.writes.map { ends[$0.stream, default: StreamEnd()].version })
        if let command = request.command { decide(command, request.writes.map(\.stream), commit, hasEvents) }
        return commit
    }

    private mutating func append(_ event: NewEvent, to stream: StreamID, continues: Bool) {
        var end = ends[stream, default: StreamEnd()]
        let position = head.position + 1
        let links = end.append(event.id, at: position)
        let record = HashChain.record(
            event, of: stream, at: end.version, continues: continues, on: head, recordedAt: time, in: logID)
        if let last = changed.updateValue(entries.count, forKey: stream) { entries[last].isEnd = false }
        entries.append(Entry(record: record, links: links, isEnd: true))
        ends[stream] = end
        head = LogHead(position: position, hash: record.hash, recordedAt: time)
    }

    private mutating func decide(_ command: CommandKey, _ streams: [StreamID], _ commit: Commit, _ hasEvents: Bool) {
        let decision = Decision(command: command, streams: streams, commit: commit)
        if hasEvents {
            entries[entries.count - 1].decision = decision
        } else {
            refusals.append(decision)
        }
        decided[ScopedKey(key: command.key, scope: streams[0])] = (
            command.fingerprint, KeyedOutcome(streams: streams, commit: commit, outcome: command.outcome)
        )
    }
}

internal import EventSourcing
internal import EventStoreRules

/// What the appenders of one batch that are refused for their expectations had not seen.
///
/// While it is read, the writer's thread does nothing else: so once a read has failed, or all have taken too long, nothing more
/// is read for the batch.
struct MissedEvents {
    /// Reads, but for no statement longer than until a moment.
    typealias Read = (
        _ deadline: ContinuousClock.Instant, (LogReader) throws -> [RecordedEvent]
    ) throws -> [RecordedEvent]

    /// Nothing is read for a batch later than this after its first answer. Well below a lease's length.
    static let readingLimit = Duration.milliseconds(500)

    let recent: RecentEvents
    /// Reads what is not among the recent events. All that a conflict stands on is recorded.
    let read: Read
    private let deadline = ContinuousClock.now + Self.readingLimit
    private var hasFailed = false
    private var bytes = 0

    init(recent: RecentEvents, read: @escaping Read) {
        self.recent = recent
        self.read = read
    }

    /// The answer to an append with these conflicts; without what was missed if that cannot be read now: then the appender reads
    /// the stream.
    mutating func answer(_ conflicts: [Batch.Conflict]) -> AppendResult {
        do {
            return try answerWithEvents(conflicts)
        } catch {
            // The write has its outcome all the same.
            hasFailed = true
            return .conflict(
                AppendConflict(
                    conflicts.map {
                        StreamConflict(write: $0.write, stream: $0.stream, actual: $0.actual, missed: [])
                    }))
        }
    }

    private mutating func answerWithEvents(_ conflicts: [Batch.Conflict]) throws -> AppendResult {
        var share = MissedShare(of: ConflictRules.missedLimit(after: bytes), streams: conflicts.count)
        let streams = try conflicts.map { conflict in
            let missed = try share.next().map { try events(of: conflict, limit: $0) } ?? []
            share.take(missed)
            return StreamConflict(
                write: conflict.write, stream: conflict.stream, actual: conflict.actual, missed: missed)
        }
        bytes += share.bytesTaken
        return .conflict(AppendConflict(streams))
    }

    private func events(of conflict: Batch.Conflict, limit: ReadLimit) throws -> [RecordedEvent] {
        guard case .exactly(let version, let lastEvent) = conflict.expected, conflict.actual > 0 else { return [] }
        let (stream, actual) = (conflict.stream, conflict.actual)
        // Another course, or a version that never was: the last event shows the appender which.
        let first = version >= actual ? actual : version + (lastEvent == nil || version == 0 ? 1 : 0)
        if let events = recent.events(of: stream, from: first, through: actual) {
            let hasSeenFirst = first == version && events.first?.event.id == lastEvent
            return Self.cut(events.dropFirst(hasSeenFirst && version < actual ? 1 : 0), to: limit)
        }
        guard !hasFailed, .now < deadline else {
            throw ConnectionFailure.lost("there is no time to read what was missed")
        }
        return try read(deadline) { reader in
            var seen = first - 1
            if first == version, version < actual, try reader.event(of: stream, at: version) == lastEvent {
                seen = version
            }
            let count = Int(clamping: min(UInt64(limit.events), actual - seen))
            return try reader.readStream(stream, after: seen, limit: ReadLimit(events: count, bytes: limit.bytes))
                .events
        }
    }

    private static func cut(_ events: ArraySlice<RecordedEvent>, to limit: ReadLimit) -> [RecordedEvent] {
        var bytes = 0
        return Array(
            events.prefix(limit.events).enumerated().prefix { index, record in
                bytes += record.event.data.count + record.event.metadata.count
                return index == 0 || bytes <= limit.bytes
            }.map(\.element))
    }
}

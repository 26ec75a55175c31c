internal import EventSourcing
internal import EventStoreRules

/// What the appenders of one batch that are refused for their expectations had not seen.
struct MissedEvents {
    let recent: RecentEvents
    /// Reads what is not among the recent events. All that a conflict stands on is recorded.
    let read: ((LogReader) throws -> [RecordedEvent]) throws -> [RecordedEvent]
    private var bytes = 0

    init(
        recent: RecentEvents, read: @escaping ((LogReader) throws -> [RecordedEvent]) throws -> [RecordedEvent]
    ) {
        self.recent = recent
        self.read = read
    }

    /// The answer to an append with these conflicts.
    mutating func answer(_ conflicts: [Batch.Conflict]) throws -> AppendResult {
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

    /// The same without what was missed: if it cannot be read now, the appender reads the stream.
    static func answerWithoutEvents(_ conflicts: [Batch.Conflict]) -> AppendResult {
        .conflict(
            AppendConflict(
                conflicts.map {
                    StreamConflict(write: $0.write, stream: $0.stream, actual: $0.actual, missed: [])
                }))
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
        return try read { reader in
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

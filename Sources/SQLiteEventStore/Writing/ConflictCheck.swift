internal import EventSourcing
internal import GRDB

/// Compares what appenders expect with what is, and collects what they missed.
enum ConflictCheck {
    /// The most that a conflict tells of what its appender missed, of all its streams together.
    private static let missedLimit = ReadLimit(events: 100, bytes: 256 << 10)
    /// Once the records that the conflicts of one batch tell have so many bytes, each further one tells only the first event
    /// that was missed: reading holds the whole batch up, and all of it may be for one appender, who must find room for it.
    private static let maxMissedBytesOfBatch = 2 << 20
    /// Beyond so many none is told: a single event may be large.
    private static let maxMissedBytesInAll = 3 << 20

    /// What the next conflict of a batch may tell; nil: no event.
    ///
    /// - Parameter told: the bytes of the records that those before it tell.
    static func missedLimit(after told: Int) -> ReadLimit? {
        if told < maxMissedBytesOfBatch { return missedLimit }
        return told < maxMissedBytesInAll ? .oneEvent : nil
    }

    /// Whether a stream that ends with `head` is as an appender expects it.
    static func holds(_ expected: ExpectedVersion, _ head: StreamHead) -> Bool {
        switch expected {
        case .any: true
        case .exactly(let version, let lastEvent):
            head.version == version && (lastEvent == nil || lastEvent == head.lastEvent)
        }
    }

    /// The events that an appender with a wrong expectation had not seen.
    static func missed(
        in stream: StreamID, expecting expected: ExpectedVersion, actual head: StreamHead, _ database: Database,
        _ logID: UniqueID, limit: ReadLimit
    ) throws -> [RecordedEvent] {
        guard case .exactly(let version, let lastEvent) = expected, head.version > 0 else { return [] }
        var seen = version
        if version >= head.version {
            // Another course, or a version that never was: the last event is what tells the appender which.
            seen = head.version - 1
        } else if let lastEvent, version > 0, try event(at: version, of: stream, head, database) != lastEvent {
            seen = version - 1
        }
        return try LogReader.readStream(database, logID, stream, head, after: seen, limit: limit)
    }

    /// The id of a stream's event of a version; nil where there is none.
    static func event(
        at version: UInt64, of stream: StreamID, _ head: StreamHead, _ database: Database
    ) throws -> UniqueID? {
        guard version > 0, version <= head.version else { return nil }
        let position = try StreamLinks.position(of: version, from: head, database)
        return try LogReader.event(at: position, database, ifItIs: version, of: stream)
    }
}

internal import EventSourcing
internal import GRDB

/// Compares what appenders expect with what is, and collects what they missed.
enum ConflictCheck {
    /// The most that a conflict tells of what its appender missed.
    static let missedLimit = ReadLimit(events: 100, bytes: 256 << 10)

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
        in stream: StreamID, expecting expected: ExpectedVersion, actual: UInt64, _ database: Database,
        _ logID: UniqueID
    ) throws -> [RecordedEvent] {
        guard case .exactly(let version, let lastEvent) = expected, actual > 0 else { return [] }
        var seen = version
        if version >= actual {
            // Another course, or a version that never was: the last event is what tells the appender which.
            seen = actual - 1
        } else if let lastEvent, version > 0, try event(at: version, of: stream, database) != lastEvent {
            seen = version - 1
        }
        return try LogReader.readStream(database, logID, stream, after: seen, limit: missedLimit)
    }

    /// The id of a stream's event of a version; nil where there is none.
    static func event(at version: UInt64, of stream: StreamID, _ database: Database) throws -> UniqueID? {
        let row = try PreparedStatement(
            "SELECT id FROM events WHERE category = ? AND stream = ? AND version = ?", database)
        defer { row.reset() }
        try row.bind(stream.category, at: 1)
        try row.bind(stream.name, at: 2)
        try row.bind(version, at: 3)
        return try row.step() ? row.uniqueID(at: 0) : nil
    }
}

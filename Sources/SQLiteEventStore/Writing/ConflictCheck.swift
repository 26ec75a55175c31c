internal import EventSourcing
internal import GRDB

/// Collects what appenders with a wrong expectation missed.
enum ConflictCheck {
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

internal import EventSourcing
internal import EventStoreRules
internal import GRDB

/// The table of the ends of streams. It lags behind the log: of what was appended after position ``until(_:)``, it may
/// know or not.
enum StreamHeadTable {
    /// The position up to which everything is in the table.
    static func until(_ database: Database) throws -> UInt64 {
        UInt64(clamping: try Int64.fetchOne(database, sql: "SELECT until FROM stream_heads_until") ?? 0)
    }

    /// Notes that everything up to a position is in the table.
    static func setUntil(_ position: UInt64, _ database: Database) throws {
        let row = try PreparedStatement("UPDATE stream_heads_until SET until = ?", database)
        try row.bind(position, at: 1)
        try row.run()
    }

    /// The end of a stream as the table has it.
    static func load(_ stream: StreamID, from database: Database) throws -> StreamHead {
        let row = try PreparedStatement(
            "SELECT version, position FROM stream_heads WHERE category = ? AND stream = ?", database)
        defer { row.reset() }
        try row.bind(stream.category, at: 1)
        try row.bind(stream.name, at: 2)
        guard try row.step() else { return StreamHead() }
        return try head(
            of: stream, version: UInt64(clamping: row.integer(at: 0)), position: UInt64(clamping: row.integer(at: 1)),
            database)
    }

    /// Writes down the end of a stream.
    static func save(_ stream: StreamID, _ head: StreamHead, _ database: Database) throws {
        let row = try PreparedStatement(
            """
            INSERT INTO stream_heads VALUES (?1, ?2, ?3, ?4)
            ON CONFLICT DO UPDATE SET version = ?3, position = ?4
            """, database)
        try row.bind(stream.category, at: 1)
        try row.bind(stream.name, at: 2)
        try row.bind(head.version, at: 3)
        try row.bind(head.position, at: 4)
        try row.run()
    }

    /// All that is in the table.
    static func all(_ database: Database) throws -> [StreamID: (version: UInt64, position: UInt64)] {
        let rows = try PreparedStatement("SELECT category, stream, version, position FROM stream_heads", database)
        defer { rows.reset() }
        var ends: [StreamID: (version: UInt64, position: UInt64)] = [:]
        while try rows.step() {
            guard let stream = StreamID(category: rows.text(at: 0), name: rows.text(at: 1)) else {
                throw SQLiteEventStoreError(
                    .damaged,
                    "an end is noted of \(rows.text(at: 0).printable)/\(rows.text(at: 1).printable), which is not a "
                        + "stream")
            }
            ends[stream] = (UInt64(clamping: rows.integer(at: 2)), UInt64(clamping: rows.integer(at: 3)))
        }
        return ends
    }

    /// The ends of the streams of which something was appended after the position up to which the table knows all.
    static func newer(_ database: Database) throws -> [StreamID: StreamHead] {
        let rows = try PreparedStatement(
            "SELECT position, category, stream, version, id FROM events WHERE position > ? ORDER BY position",
            database)
        defer { rows.reset() }
        try rows.bind(until(database), at: 1)
        // Each end with whether its landmark was passed, too.
        var ends: [StreamID: (head: StreamHead, hasLandmark: Bool)] = [:]
        var last: UInt64 = 0
        while try rows.step() {
            let position = UInt64(clamping: rows.integer(at: 0))
            // A damaged file may say the same pages again and again.
            guard position > last else {
                throw SQLiteEventStoreError.damaged(at: position, "it comes twice, or after a later one")
            }
            last = position
            guard let stream = StreamID(category: rows.borrowedBytes(at: 1), name: rows.borrowedBytes(at: 2)) else {
                throw SQLiteEventStoreError.damaged(
                    at: position, "\(rows.text(at: 1).printable)/\(rows.text(at: 2).printable) is not a stream")
            }
            guard let id = rows.uniqueID(at: 4) else {
                throw SQLiteEventStoreError.damaged(at: position, "the event's id is not 16 bytes")
            }
            let version = UInt64(clamping: rows.integer(at: 3))
            var end = ends[stream] ?? (StreamHead(), false)
            // Where a damaged file has a version twice, the later row does not hide the end.
            guard version > end.head.version else { continue }
            end.head.version = version
            end.head.lastEvent = id
            end.head.position = position
            if version % StreamLinks.stride == 0 {
                end.head.landmark = position
                end.hasLandmark = true
            }
            ends[stream] = end
        }
        return try ends.mapValues { end in
            var head = end.head
            if !end.hasLandmark {
                head.landmark = try StreamLinks.landmark(at: head.position, version: head.version, database)
            }
            return head
        }
    }

    /// The last event of a stream after a position as its end; nil where there is none.
    static func newest(of stream: StreamID, after position: UInt64, _ database: Database) throws -> StreamHead? {
        let row = try PreparedStatement(
            """
            SELECT version, position FROM events WHERE position > ? AND category = ? AND stream = ?
            ORDER BY position DESC LIMIT 1
            """, database)
        defer { row.reset() }
        try row.bind(position, at: 1)
        try row.bind(stream.category, at: 2)
        try row.bind(stream.name, at: 3)
        guard try row.step() else { return nil }
        return try head(
            of: stream, version: UInt64(clamping: row.integer(at: 0)), position: UInt64(clamping: row.integer(at: 1)),
            database)
    }

    /// The end of a stream, with what its last event tells.
    private static func head(
        of stream: StreamID, version: UInt64, position: UInt64, _ database: Database
    ) throws -> StreamHead {
        guard let id = try LogReader.event(at: position, database, ifItIs: version, of: stream) else {
            throw SQLiteEventStoreError.damaged(
                at: position, "\(stream) should end here with version \(version), and does not")
        }
        return StreamHead(
            version: version, lastEvent: id, position: position,
            landmark: try StreamLinks.landmark(at: position, version: version, database))
    }
}

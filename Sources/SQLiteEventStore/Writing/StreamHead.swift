internal import EventSourcing
internal import GRDB

/// The end of a stream: what an expected version is compared with.
struct StreamHead: Hashable {
    /// The number of events, 0 where the stream does not exist.
    var version: UInt64
    /// The id of the last of them.
    var lastEvent: UniqueID?

    /// The end of a stream as the table has it.
    static func load(_ stream: StreamID, from database: Database) throws -> StreamHead {
        let row = try PreparedStatement(
            """
            SELECT version, id, position FROM events WHERE category = ? AND stream = ? ORDER BY version DESC LIMIT 1
            """, database)
        defer { row.reset() }
        try row.bind(stream.category, at: 1)
        try row.bind(stream.name, at: 2)
        guard try row.step() else { return StreamHead(version: 0) }
        guard row.integer(at: 0) > 0, let id = row.uniqueID(at: 1) else {
            throw SQLiteEventStoreError.damaged(
                at: UInt64(clamping: row.integer(at: 2)), "its stream version or event id cannot be")
        }
        return StreamHead(version: UInt64(row.integer(at: 0)), lastEvent: id)
    }
}

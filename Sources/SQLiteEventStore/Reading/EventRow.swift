internal import EventSourcing

/// A row of `events` as a record.
enum EventRow {
    /// The columns that ``record(_:)`` reads, in its order.
    static let columns = """
        position, category, stream, version, type, schema_version, recorded_at, id, hash, metadata, data
        """

    /// The bytes of data and metadata of the row that the statement stands on.
    static func size(_ row: PreparedStatement) -> Int { row.count(at: 9) + row.count(at: 10) }

    /// The record of the row that the statement stands on.
    ///
    /// - Throws: `damaged` for a row that the store did not write.
    static func record(_ row: PreparedStatement) throws -> RecordedEvent {
        let position = UInt64(clamping: row.integer(at: 0))
        guard let stream = StreamID(category: row.text(at: 1), name: row.text(at: 2)) else {
            throw SQLiteEventStoreError.damaged(at: position, "\(row.text(at: 1))/\(row.text(at: 2)) is not a stream")
        }
        guard let schemaVersion = UInt16(exactly: row.integer(at: 5)), let id = row.uniqueID(at: 7),
            let hash = row.digest(at: 8)
        else {
            throw SQLiteEventStoreError.damaged(
                at: position, "schema version, event id or hash is not of the right size")
        }
        return RecordedEvent(
            position: position, stream: stream, streamVersion: UInt64(clamping: row.integer(at: 3)),
            recordedAt: Timestamp(microseconds: row.integer(at: 6)),
            event: NewEvent(
                id: id, type: row.text(at: 4), schemaVersion: schemaVersion, metadata: row.bytes(at: 9),
                data: row.bytes(at: 10)),
            hash: hash)
    }
}

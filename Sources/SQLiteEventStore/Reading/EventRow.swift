internal import EventSourcing
internal import EventStoreRules
internal import GRDB

/// A row of `events` as a record.
enum EventRow {
    /// The columns that ``view(_:in:)`` reads, in its order.
    static let columns = olderColumns + ", continues"
    private static let olderColumns = """
        position, category, stream, version, type, schema_version, recorded_at, id, hash, metadata, data
        """

    /// The columns of a file that may be of an older schema version: in such a file no append goes on.
    static func columns(in database: Database) throws -> String {
        try Schema.hasAppends(database) ? columns : olderColumns + ", 0"
    }

    /// The bytes of data and metadata of the row that the statement stands on.
    static func size(_ row: PreparedStatement) -> Int { row.count(at: 9) + row.count(at: 10) }

    /// The record of the row that the statement stands on, valid until it goes on.
    ///
    /// - Throws: `damaged` for a row that the store did not write.
    static func view(_ row: PreparedStatement, in logID: UniqueID) throws -> RecordView {
        let position = row.ordinal(at: 0)
        guard let schemaVersion = UInt16(exactly: row.integer(at: 5)), let id = row.uniqueID(at: 7),
            let hash = row.digest(at: 8), let recordedAt = row.timestamp(at: 6)
        else {
            throw SQLiteEventStoreError.damaged(
                at: position, "schema version, event id or hash is not of the right size, or the time is none")
        }
        let continues = row.integer(at: 11)
        guard 0...1 ~= continues else {
            throw SQLiteEventStoreError.damaged(at: position, "whether its append goes on is \(continues), not 0 or 1")
        }
        // What the wire's lengths have room for.
        guard row.count(at: 1) <= StreamID.maxCategoryLength, row.count(at: 2) <= StreamID.maxNameLength,
            row.count(at: 4) <= StreamID.maxEventTypeLength
        else { throw SQLiteEventStoreError.damaged(at: position, "the name of its stream or its type is too long") }
        guard size(row) <= AppendRules.largestEvent else {
            throw SQLiteEventStoreError.damaged(
                at: position, "it has \(size(row)) bytes, more than the \(AppendRules.largestEvent) that are kept")
        }
        let header = RecordHeader(
            schemaVersion: schemaVersion, logID: logID, position: position,
            streamVersion: row.ordinal(at: 3), recordedAt: recordedAt, eventID: id, continues: continues == 1,
            hash: hash)
        return RecordView(
            header: header, category: row.borrowedBytes(at: 1), type: row.borrowedBytes(at: 4),
            name: row.borrowedBytes(at: 2), metadata: row.borrowedBytes(at: 9), data: row.borrowedBytes(at: 10))
    }

    /// A copy of a row's record.
    ///
    /// - Throws: `damaged` for a row that the store did not write.
    static func record(_ view: RecordView) throws -> RecordedEvent {
        guard let record = RecordedEvent(view) else {
            let names = [view.category, view.name, view.type].map { String(decoding: $0, as: UTF8.self).printable }
            throw SQLiteEventStoreError.damaged(
                at: view.header.position, "\(names[0])/\(names[1]) is not a stream, or \(names[2]) no type of event")
        }
        return record
    }
}

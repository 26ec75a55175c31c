internal import EventSourcing
internal import EventStoreRules

/// A row of `daybook.records` as a record.
enum RecordRow {
    /// The types of the columns that ``view(_:from:in:)`` reads.
    static let columns: [ServerType] = [
        .int8, .text, .int8, .text, .int4, .timestamptz, .uuid, .bool, .bytea, .bytea, .bytea,
    ]

    /// Their names, of a table.
    static func names(of table: String) -> String {
        [
            "position", "stream", "stream_version", "type", "schema_version", "recorded_at", "id", "continues", "hash",
            "metadata", "data",
        ].map { "\(table).\($0)" }.joined(separator: ", ")
    }

    /// The bytes of data and metadata of a row whose record begins with a column.
    static func size(_ row: Row, from first: Int32) -> Int { row.count(at: first + 9) + row.count(at: first + 10) }

    /// The record of a row, from a column on; valid as long as the row is.
    ///
    /// - Throws: `damaged` for a row that the store did not write.
    static func view(_ row: Row, from first: Int32, in logID: UniqueID) throws(PostgreSQLEventStoreError) -> RecordView
    {
        guard let position = row.ordinal(at: first), position > 0 else {
            throw PostgreSQLEventStoreError(.damaged, "a record has no position; run verify, or restore a backup")
        }
        guard let version = row.ordinal(at: first + 2), version > 0,
            let schemaVersion = row.smallInteger(at: first + 4).flatMap({ UInt16(exactly: $0) }),
            let recordedAt = row.time(at: first + 5), let id = row.id(at: first + 6),
            let continues = row.bool(at: first + 7), let hash = row.digest(at: first + 8),
            let metadata = row.borrowedBytes(at: first + 9), let data = row.borrowedBytes(at: first + 10)
        else {
            throw .damaged(at: position, "a version, its time or its hash is missing, or is none")
        }
        guard let stream = row.borrowedBytes(at: first + 1), let type = row.borrowedBytes(at: first + 3),
            let slash = stream.firstIndex(of: UInt8(ascii: "/"))
        else { throw .damaged(at: position, "its stream has no category") }
        let category = UnsafeRawBufferPointer(rebasing: stream[..<slash])
        let name = UnsafeRawBufferPointer(rebasing: stream[(slash + 1)...])
        // What the wire's lengths have room for.
        guard category.count <= StreamID.maxCategoryLength, name.count <= StreamID.maxNameLength,
            type.count <= StreamID.maxEventTypeLength
        else { throw .damaged(at: position, "the name of its stream or its type is too long") }
        guard metadata.count + data.count <= AppendRules.largestEvent else {
            throw .damaged(
                at: position,
                "it has \(metadata.count + data.count) bytes, more than the \(AppendRules.largestEvent) that are kept")
        }
        return RecordView(
            header: RecordHeader(
                schemaVersion: schemaVersion, logID: logID, position: position, streamVersion: version,
                recordedAt: recordedAt, eventID: id, continues: continues, hash: hash),
            category: category, type: type, name: name, metadata: metadata, data: data)
    }

    /// A copy of a row's record.
    ///
    /// - Throws: `damaged` for a row that the store did not write.
    static func record(_ view: RecordView) throws(PostgreSQLEventStoreError) -> RecordedEvent {
        guard let record = RecordedEvent(view) else {
            let names = [view.category, view.name, view.type].map { String(decoding: $0, as: UTF8.self).printable }
            throw .damaged(
                at: view.header.position, "\(names[0])/\(names[1]) is not a stream, or \(names[2]) no type of event")
        }
        return record
    }

    /// - Throws: `damaged` unless a record's hash follows from its content and the record before it.
    static func prove(_ record: RecordView, after previous: Digest256) throws(PostgreSQLEventStoreError) {
        guard HashChain.hash(of: record, after: previous) == record.header.hash else {
            throw .damaged(
                at: record.header.position, "its hash does not follow from its content and the record before it")
        }
    }
}

internal import EventSourcing
internal import GRDB

/// Reads records through a connection. Every function sees one state of the log and holds it no longer than it takes, so
/// that no reader keeps SQLite from emptying its write-ahead log.
///
/// Every record is checked against its hash and that of the record before it in the log before it is given to anybody: a
/// disk that changes a bit must not change a balance.
enum LogReader {
    /// Lends the log's records to `body`, one after another, from the one after `position`.
    static func readLog(
        _ database: Database, _ logID: UniqueID, after position: UInt64, limit: ReadLimit,
        _ body: (RecordView) throws -> Void
    ) throws {
        var previous: Digest256?
        try readUnproven(database, logID, after: position, limit: limit) { record in
            try prove(
                record, after: previous ?? HashReader(database, logID).hash(before: record.header.position))
            previous = record.header.hash
            try body(record)
        }
    }

    /// Lends the log's records as they stand in the file, for those who prove them themselves.
    static func readUnproven(
        _ database: Database, _ logID: UniqueID, columns: String = EventRow.columns, after position: UInt64,
        limit: ReadLimit, _ body: (RecordView) throws -> Void
    ) throws {
        let rows = try PreparedStatement(
            "SELECT \(columns) FROM events WHERE position > ? ORDER BY position LIMIT ?", database)
        try rows.bind(position, at: 1)
        try rows.bind(Int64(limit.events), at: 2)
        defer { rows.reset() }
        var last = position
        var bytes = 0
        while try rows.step() {
            bytes += EventRow.size(rows)
            if bytes > limit.bytes && last > position { break }
            let record = try EventRow.view(rows, in: logID)
            last += 1
            guard record.header.position == last else {
                throw SQLiteEventStoreError.damaged(at: last, "it is missing")
            }
            try body(record)
        }
    }

    /// One stream, whose end is known, from the event after `version`.
    static func readStream(
        _ database: Database, _ logID: UniqueID, _ stream: StreamID, _ head: StreamHead, after version: UInt64,
        limit: ReadLimit
    ) throws -> [RecordedEvent] {
        guard version < head.version else { return [] }
        let first = version + 1
        let last = version + min(head.version - version, UInt64(limit.events))
        let row = try PreparedStatement("SELECT \(EventRow.columns) FROM events WHERE position = ?", database)
        let hashes = try HashReader(database, logID)
        var records: [RecordedEvent] = []
        var bytes = 0
        for (index, position) in try StreamLinks.positions(of: first...last, from: head, database).enumerated() {
            defer { row.reset() }
            try row.bind(position, at: 1)
            guard try row.step() else { throw SQLiteEventStoreError.damaged(at: position, "it is missing") }
            bytes += EventRow.size(row)
            if bytes > limit.bytes && !records.isEmpty { break }
            let view = try EventRow.view(row, in: logID)
            let record = try EventRow.record(view)
            guard record.stream == stream, record.streamVersion == first + UInt64(index) else {
                throw SQLiteEventStoreError.damaged(
                    at: position,
                    "version \(first + UInt64(index)) of \(stream) should stand here, and here stands version "
                        + "\(record.streamVersion) of \(record.stream)")
            }
            // Of events recorded together, the one before stands just before.
            let neighbour = records.last.flatMap { $0.position + 1 == position ? $0.hash : nil }
            try prove(view, after: neighbour ?? hashes.hash(before: position))
            records.append(record)
        }
        return records
    }

    /// The id of the event at a position, where that is a version of a stream; else nil.
    static func event(
        at position: UInt64, _ database: Database, ifItIs version: UInt64, of stream: StreamID
    ) throws -> UniqueID? {
        let row = try PreparedStatement(
            "SELECT id FROM events WHERE position = ? AND version = ? AND category = ? AND stream = ?", database)
        defer { row.reset() }
        try row.bind(position, at: 1)
        try row.bind(version, at: 2)
        try row.bind(stream.category, at: 3)
        try row.bind(stream.name, at: 4)
        return try row.step() ? row.uniqueID(at: 0) : nil
    }

    /// How many events of a stream were recorded at a time or before it: times never decrease along a stream.
    static func version(_ database: Database, from head: StreamHead, at time: Timestamp) throws -> UInt64 {
        let row = try PreparedStatement("SELECT recorded_at FROM events WHERE position = ?", database)
        return try StreamLinks.last(from: head, database) { position in
            defer { row.reset() }
            try row.bind(position, at: 1)
            guard try row.step() else { throw SQLiteEventStoreError.damaged(at: position, "it is missing") }
            return row.integer(at: 0) <= time.microseconds
        }.version
    }

    private static func prove(_ record: RecordView, after previous: Digest256) throws {
        guard HashChain.hash(of: record, after: previous) == record.header.hash else {
            throw SQLiteEventStoreError.damaged(
                at: record.header.position, "its hash does not follow from its content and the record before it")
        }
    }
}

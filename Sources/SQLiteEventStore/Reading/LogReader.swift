internal import EventSourcing
internal import GRDB

/// Reads records through a connection. Every function sees one state of the log and holds it no longer than it takes, so
/// that no reader keeps SQLite from emptying its write-ahead log.
///
/// Every record is checked against its hash and that of the record before it in the log before it is given to anybody: a
/// disk that changes a bit must not change a balance.
enum LogReader {
    /// The log, from the record after `position`.
    static func readLog(
        _ database: Database, _ logID: UniqueID, after position: UInt64, limit: ReadLimit
    ) throws -> [RecordedEvent] {
        let records = try readUnproven(database, after: position, limit: limit)
        guard let first = records.first else { return [] }
        var previous = try HashReader(database, logID).hash(before: first)
        for record in records {
            try prove(record, after: previous, in: logID)
            previous = record.hash
        }
        return records
    }

    /// The log as it stands in the file, for those who prove it themselves.
    static func readUnproven(
        _ database: Database, after position: UInt64, limit: ReadLimit
    ) throws -> [RecordedEvent] {
        let rows = try PreparedStatement(
            "SELECT \(EventRow.columns) FROM events WHERE position > ? ORDER BY position LIMIT ?", database)
        try rows.bind(position, at: 1)
        try rows.bind(Int64(limit.events), at: 2)
        var last = position
        return try read(rows, limit: limit) { record in
            guard record.position == last + 1 else {
                throw SQLiteEventStoreError.damaged(at: last + 1, "it is missing")
            }
            last += 1
        }
    }

    /// One stream, whose end is known, from the event after `version`.
    static func readStream(
        _ database: Database, _ logID: UniqueID, _ stream: StreamID, _ head: StreamHead, after version: UInt64,
        limit: ReadLimit
    ) throws -> [RecordedEvent] {
        let records = try readUnproven(database, stream, head, after: version, limit: limit)
        let hashes = try HashReader(database, logID)
        for (index, record) in records.enumerated() {
            // Of events recorded together, the one before stands just before.
            let isNeighbour = index > 0 && records[index - 1].position + 1 == record.position
            let previous = isNeighbour ? records[index - 1].hash : try hashes.hash(before: record)
            try prove(record, after: previous, in: logID)
        }
        return records
    }

    private static func readUnproven(
        _ database: Database, _ stream: StreamID, _ head: StreamHead, after version: UInt64, limit: ReadLimit
    ) throws -> [RecordedEvent] {
        guard version < head.version else { return [] }
        let first = version + 1
        let last = version + min(head.version - version, UInt64(limit.events))
        let row = try PreparedStatement("SELECT \(EventRow.columns) FROM events WHERE position = ?", database)
        var records: [RecordedEvent] = []
        var bytes = 0
        for (index, position) in try StreamLinks.positions(of: first...last, from: head, database).enumerated() {
            defer { row.reset() }
            try row.bind(position, at: 1)
            guard try row.step() else { throw SQLiteEventStoreError.damaged(at: position, "it is missing") }
            bytes += EventRow.size(row)
            if bytes > limit.bytes && !records.isEmpty { break }
            let record = try EventRow.record(row)
            guard record.stream == stream, record.streamVersion == first + UInt64(index) else {
                throw SQLiteEventStoreError.damaged(
                    at: position,
                    "version \(first + UInt64(index)) of \(stream) should stand here, and here stands version "
                        + "\(record.streamVersion) of \(record.stream)")
            }
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

    private static func prove(_ record: RecordedEvent, after previous: Digest256, in logID: UniqueID) throws {
        guard HashChain.hash(of: record, after: previous, in: logID) == record.hash else {
            throw SQLiteEventStoreError.damaged(
                at: record.position, "its hash does not follow from its content and the record before it")
        }
    }

    private static func read(
        _ rows: PreparedStatement, limit: ReadLimit, check: (RecordedEvent) throws -> Void
    ) throws -> [RecordedEvent] {
        defer { rows.reset() }
        var records: [RecordedEvent] = []
        var bytes = 0
        while try rows.step() {
            bytes += EventRow.size(rows)
            if bytes > limit.bytes && !records.isEmpty { break }
            let record = try EventRow.record(rows)
            try check(record)
            records.append(record)
        }
        return records
    }
}

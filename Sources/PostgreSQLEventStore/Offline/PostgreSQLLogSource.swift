public import EventSourcing
internal import Synchronization

/// The log of a database, for reading only: beside the service that writes it, or while there is none.
public final class PostgreSQLLogSource: LogSource {
    private static let maxRecords = 5000

    /// The log's id.
    public let logID: UniqueID
    /// Hosts, port and database.
    public let place: String

    private let string: ConnectionString
    private let slots: IndexSlot
    private let connection: Mutex<Connection>

    /// Opens the log of a database.
    ///
    /// - Throws: ``StoreObstacle`` if the server cannot be reached; else ``PostgreSQLEventStoreError``: `cannotOpen` if there is
    ///   no log, `unsuitable`, `foreignSchema`, `newerSchema`, `alteredSchema`, `damaged`.
    public init(_ connectionString: String) throws {
        let string = try ConnectionString(connectionString)
        let connection = try OfflineSession.open(string, for: .reading)
        let identity = try OfflineSession.attempt("open", string) {
            let version = try Schema.foundVersion(connection, string, OfflineSession.limit)
            guard version > 0 else {
                throw PostgreSQLEventStoreError(.cannotOpen, "there is no log in \(string.place)")
            }
            try SchemaCheck.run(connection, version: version, string, within: OfflineSession.limit)
            return try Schema.identity(connection, string, within: OfflineSession.limit)
        }
        self.string = string
        logID = identity.logID
        slots = IndexSlot(salt: identity.salt)
        place = string.place
        self.connection = Mutex(connection)
    }

    /// The last record, once it is as durable as commits are; nil if there is none.
    public func last() throws -> RecordedEvent? {
        try read { connection in
            let rows = try connection.run(
                Statement(
                    "SELECT \(RecordRow.names(of: "r")) FROM daybook.records AS r ORDER BY r.position DESC LIMIT 1",
                    returning: RecordRow.columns), within: OfflineSession.limit)
            try OfflineSession.requireDurable(connection, string)
            return try rows.first.map { try RecordRow.record(RecordRow.view($0, from: 0, in: logID)) }
        }
    }

    /// Records in order from the one after a position, as they stand. Those after ``last()`` may not stay.
    public func readLog(after position: UInt64, limit: ReadLimit) throws -> [RecordedEvent] {
        try read { connection in
            let rows = try connection.run(
                Statement(
                    Self.pageText,
                    [
                        .ordinal(position), .integer(Int64(min(limit.events, Self.maxRecords))),
                        .integer(Int64(limit.bytes)),
                    ], returning: RecordRow.columns), within: OfflineSession.limit)
            var records: [RecordedEvent] = []
            records.reserveCapacity(rows.count)
            for index in 0..<rows.count {
                let record = try RecordRow.record(RecordRow.view(rows[index], from: 0, in: logID))
                let next = position + UInt64(index) + 1
                guard record.position == next else {
                    throw PostgreSQLEventStoreError.damaged(at: next, "it is missing")
                }
                records.append(record)
            }
            return records
        }
    }

    /// The records after position `$1`: at most `$2`, of `$3` bytes; but one at least.
    private static let pageText = """
        SELECT \(RecordRow.names(of: "page")) FROM (
            SELECT r.*, pg_catalog.octet_length(r.metadata) + pg_catalog.octet_length(r.data) AS size,
                sum(pg_catalog.octet_length(r.metadata) + pg_catalog.octet_length(r.data))
                    OVER (ORDER BY r.position ROWS UNBOUNDED PRECEDING) AS running
            FROM daybook.records AS r WHERE r.position > $1 ORDER BY r.position LIMIT $2
        ) AS page
        WHERE page.running <= $3 OR page.running = page.size ORDER BY page.position
        """

    /// The command keys that were decided at a position or after it, as they are now, once they are as durable as commits are.
    public func keys(from position: UInt64) throws -> RecordedKeys {
        var pages = try KeyPages(from: position, slots, OfflineSession.open(string, for: .reading), string)
        return RecordedKeys { try pages.next() }
    }

    /// Snapshots in the order of their table.
    public func snapshots(after last: Snapshot?, limit: Int) throws -> [Snapshot] {
        try read { try SnapshotPages.page(after: last, limit: limit, $0) }
    }

    /// Requires that the schema is as Daybook made it, and that the writer's row agrees with the last record.
    public func requireSound() throws {
        try read { connection in
            let version = try Schema.foundVersion(connection, string, OfflineSession.limit)
            try SchemaCheck.run(connection, version: version, string, within: OfflineSession.limit)
            let rows = try connection.run(
                Statement(
                    "SELECT position, (SELECT coalesce(max(position), 0) FROM daybook.records) FROM daybook.writer",
                    returning: [.int8, .int8]), within: OfflineSession.limit)
            guard rows.count == 1, let noted = rows[0].ordinal(at: 0), let last = rows[0].ordinal(at: 1) else {
                throw PostgreSQLEventStoreError(
                    .damaged, "\(place) has lost the row of its writer, in daybook.writer: restore a backup")
            }
            guard noted == last else {
                throw PostgreSQLEventStoreError(
                    .damaged,
                    "the log in \(place) ends at position \(last), but position \(noted) was recorded in daybook.writer: "
                        + "restore a backup")
            }
        }
    }

    /// A check of the links and numbers by which streams are found.
    public func indexCheck() throws -> any LogIndexCheck { IndexCheck(of: self, slots) }

    /// Requires that an append ends with the record at a position, or that none is there.
    public func requireEndOfAppend(at position: UInt64) throws {
        try read { connection in
            let rows = try connection.run(
                Statement(
                    """
                    SELECT continues,
                        (SELECT coalesce(max(position), 0) FROM daybook.records WHERE position < $1 AND NOT continues),
                        (SELECT min(position) FROM daybook.records WHERE position > $1 AND NOT continues)
                    FROM daybook.records WHERE position = $1
                    """, [.ordinal(position)], returning: [.bool, .int8, .int8]), within: OfflineSession.limit)
            guard let row = rows.first, row.bool(at: 0) == true else { return }
            throw PostgreSQLEventStoreError(
                .insideAppend,
                "position \(position) of \(place) is inside an append, which is atomic: choose position "
                    + "\(row.ordinal(at: 1) ?? 0)\(row.ordinal(at: 2).map { " or position \($0)" } ?? ""), the nearest "
                    + "where an append ends")
        }
    }

    func read<Value: Sendable>(_ body: (Connection) throws -> Value) throws -> Value {
        try connection.withLock { connection in
            try OfflineSession.attempt("read", string) { try body(connection) }
        }
    }
}

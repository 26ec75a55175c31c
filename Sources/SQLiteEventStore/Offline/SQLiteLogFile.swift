public import EventSourcing
internal import EventStoreRules
internal import GRDB

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// A log's file, opened for reading only: a live one beside the service that writes it, or a backup.
///
/// Every call sees the file as it is at that moment and holds no lock afterwards, so that a long look at a live log
/// disturbs nobody.
public final class SQLiteLogFile: Sendable {
    /// A command key as it is on record.
    public struct Key: Hashable, Sendable {
        /// The stream that is its scope.
        public let scope: StreamID
        /// The key.
        public let key: [UInt8]
        /// What became of the command.
        public let outcome: KeyedOutcome
    }

    /// The path as it was given.
    public let path: String
    /// The log's id.
    public let logID: UniqueID

    private let queue: DatabaseQueue

    /// Opens the log at `path`.
    ///
    /// - Throws: ``SQLiteEventStoreError``: `cannotOpen` where there is none, `foreignFile`, `newerSchema`,
    ///   `alteredSchema`, `damaged`.
    public init(path: String) throws {
        self.path = path
        guard DatabasePath.exists(path) else {
            throw SQLiteEventStoreError(.cannotOpen, "there is no log at \(path)")
        }
        try DatabasePath.requireNoLink(path)
        // A FIFO would be waited for.
        guard !DatabasePath.isSpecial(path) else {
            throw SQLiteEventStoreError(.cannotOpen, "\(path) is not a file")
        }
        try SideFiles.requireRegular(beside: path)
        try SideFiles.requireDatabase(of: path)
        do {
            var configuration = Configuration()
            configuration.readonly = true
            configuration.label = "SQLiteLogFile"
            configuration.busyMode = .timeout(5)
            configuration.prepareDatabase { database in
                try Distrust.begin(database)
                try Schema.check(database, path: path)
            }
            // Never taken for a URI, whatever the file is called.
            let queue = try DatabaseQueue(
                path: path.hasPrefix("/") ? path : "./\(path)", configuration: configuration)
            self.queue = queue
            logID = try queue.read { try Schema.logID($0, path: path) }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_NOTADB {
            throw SQLiteEventStoreError(.foreignFile, "\(path) is not an SQLite database")
        } catch {
            throw StoreObstacle(error, at: path)
                ?? SQLiteEventStoreError.wrapping(error, .cannotOpen, "cannot open the log \(path)")
        }
    }

    /// The last record; nil where there is none.
    public func last() throws -> RecordedEvent? {
        try read { database in
            let row = try PreparedStatement(
                "SELECT \(EventRow.columns(in: database)) FROM events ORDER BY position DESC LIMIT 1", database)
            defer { row.reset() }
            return try row.step() ? try EventRow.record(EventRow.view(row, in: logID)) : nil
        }
    }

    /// Records in order from the one after a position, at most so many.
    ///
    /// - Throws: ``SQLiteEventStoreError`` `damaged`, with the position, where one is missing or cannot be read.
    public func readLog(after position: UInt64, limit: Int) throws -> [RecordedEvent] {
        try read { database in
            var records: [RecordedEvent] = []
            let limit = ReadLimit(events: limit, bytes: 64 << 20)
            let columns = try EventRow.columns(in: database)
            try LogReader.readUnproven(database, logID, columns: columns, after: position, limit: limit) {
                records.append(try EventRow.record($0))
            }
            return records
        }
    }

    /// Shows every command key, in the order of scopes.
    public func forEachKey(_ body: (Key) throws -> Void) throws {
        try read { database in
            let streams = try Schema.hasAppends(database) ? "streams" : "NULL"
            let rows = try PreparedStatement(
                "SELECT category, stream, key, outcome, position, recorded_at, stream_versions, fingerprint, \(streams) "
                    + "FROM command_keys ORDER BY category, stream, key", database)
            defer { rows.reset() }
            while try rows.step() {
                let (category, name) = (rows.text(at: 0), rows.text(at: 1))
                guard let scope = StreamID(category: category, name: name),
                    let versions = StreamVersions.decode(rows.bytes(at: 6)),
                    let streams = StreamNames.decode(rows.bytes(at: 8), scope: scope, count: versions.count),
                    rows.digest(at: 7) != nil,
                    let recordedAt = rows.timestamp(at: 5)
                else {
                    throw SQLiteEventStoreError(
                        .damaged,
                        "a command key of \(category.printable)/\(name.printable) is damaged: its fingerprint, time, "
                            + "streams or their versions cannot be read"
                    )
                }
                let commit = Commit(position: rows.ordinal(at: 4), recordedAt: recordedAt, streamVersions: versions)
                try body(
                    Key(
                        scope: scope, key: rows.bytes(at: 2),
                        outcome: KeyedOutcome(streams: streams, commit: commit, outcome: rows.bytes(at: 3))))
            }
        }
    }

    /// The snapshots with a fingerprint, without order.
    public func snapshots(fingerprint: Digest256) throws -> [Snapshot] {
        try read { database in
            guard try database.tableExists("snapshots") else { return [] }
            let rows = try PreparedStatement(
                "SELECT category, stream, version, last_event, created_at, updated_at, state FROM snapshots "
                    + "WHERE fingerprint = ?", database)
            defer { rows.reset() }
            try rows.bind(fingerprint, at: 1)
            var snapshots: [Snapshot] = []
            while try rows.step() {
                guard let stream = StreamID(category: rows.text(at: 0), name: rows.text(at: 1)),
                    let lastEvent = rows.uniqueID(at: 3), let createdAt = rows.timestamp(at: 4),
                    let updatedAt = rows.timestamp(at: 5)
                else {
                    throw SQLiteEventStoreError(
                        .damaged, "a snapshot of \(rows.text(at: 1).printable) cannot be read")
                }
                snapshots.append(
                    Snapshot(
                        stream: stream, version: rows.ordinal(at: 2), lastEvent: lastEvent, createdAt: createdAt,
                        updatedAt: updatedAt, fingerprint: fingerprint, state: rows.bytes(at: 6)))
            }
            return snapshots
        }
    }

    /// Requires that SQLite finds nothing wrong with the file itself. A damaged one may say the same page of events again
    /// and again: to be called before a copy is made of a file that may be anybody's.
    ///
    /// - Throws: ``SQLiteEventStoreError`` `damaged`.
    public func requireSound() throws {
        guard let problem = try structuralProblem() else { return }
        throw SQLiteEventStoreError(.damaged, "\(path) is damaged: \(problem.printable)")
    }

    /// What SQLite finds wrong with the file itself, such as an index that does not agree with its table; nil: nothing.
    public func structuralProblem() throws -> String? {
        try read { database in
            let found = try String.fetchAll(database, sql: "PRAGMA integrity_check(3)")
            return found == ["ok"] ? nil : found.joined(separator: "; ")
        }
    }

    /// Writes a copy of the log as it is at one moment into a new file, while the service goes on, and flushes it.
    public func copy(to path: String) throws {
        do {
            // SQLite takes an empty file, and would make one by the umask.
            close(try RegularFile.makeAnew(path))
            // Reads one snapshot, which delays no writer, and leaves out what the file no longer uses.
            try queue.writeWithoutTransaction { try $0.execute(sql: "VACUUM INTO ?", arguments: [path]) }
            try FileFlush.flush(path)
        } catch {
            throw StoreObstacle(error, at: path)
                ?? SQLiteEventStoreError.wrapping(error, .readFailed, "cannot copy the log \(self.path) to \(path)")
        }
    }

    func read<Value>(_ body: (Database) throws -> Value) throws -> Value {
        do {
            return try queue.read(body)
        } catch {
            throw StoreObstacle(error, at: path)
                ?? SQLiteEventStoreError.wrapping(error, .readFailed, "cannot read the log \(path)")
        }
    }
}

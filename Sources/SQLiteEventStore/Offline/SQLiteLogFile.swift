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
public final class SQLiteLogFile: LogSource {
    /// The path as it was given.
    public let path: String
    /// The log's id.
    public let logID: UniqueID

    private let queue: DatabaseQueue

    /// Whether two paths lead to the same file.
    public static func isSame(_ first: String, _ second: String) -> Bool {
        FileIdentity(path: first).map { $0 == FileIdentity(path: second) } ?? false
    }

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
            queue = try Self.open(path)
            let queue = queue
            logID = try queue.read { try Schema.logID($0, path: path) }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_NOTADB {
            throw SQLiteEventStoreError(.foreignFile, "\(path) is not an SQLite database")
        } catch {
            throw StoreObstacle(error, at: path)
                ?? SQLiteEventStoreError.wrapping(error, .cannotOpen, "cannot open the log \(path)")
        }
    }

    /// A connection that only reads.
    static func open(_ path: String) throws -> DatabaseQueue {
        var configuration = Configuration()
        configuration.readonly = true
        configuration.label = "SQLiteLogFile"
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { database in
            try Distrust.begin(database)
            try Schema.check(database, path: path)
        }
        // Never taken for a URI, whatever the file is called.
        return try DatabaseQueue(path: path.hasPrefix("/") ? path : "./\(path)", configuration: configuration)
    }

    /// The path, printable.
    public var place: String { path.printable }

    /// The last record; nil where there is none.
    public func last() throws -> RecordedEvent? {
        try read { database in
            let row = try PreparedStatement(
                "SELECT \(EventRow.columns(in: database)) FROM events ORDER BY position DESC LIMIT 1", database)
            defer { row.reset() }
            return try row.step() ? try EventRow.record(EventRow.view(row, in: logID)) : nil
        }
    }

    /// Records in order from the one after a position.
    ///
    /// - Throws: ``SQLiteEventStoreError`` `damaged`, with the position, where one is missing or cannot be read.
    public func readLog(after position: UInt64, limit: ReadLimit) throws -> [RecordedEvent] {
        try read { database in
            var records: [RecordedEvent] = []
            let columns = try EventRow.columns(in: database)
            try LogReader.readUnproven(database, logID, columns: columns, after: position, limit: limit) {
                records.append(try EventRow.record($0))
            }
            return records
        }
    }

    /// Requires that SQLite finds nothing wrong with the file itself. A damaged one may say the same page of events again
    /// and again: to be called before a copy is made of a file that may be anybody's.
    ///
    /// - Throws: ``SQLiteEventStoreError`` `damaged`.
    public func requireSound() throws {
        let found = try read { try String.fetchAll($0, sql: "PRAGMA integrity_check(3)") }
        guard found == ["ok"] else {
            throw SQLiteEventStoreError(
                .damaged, "\(path) is damaged: \(found.joined(separator: "; ").printable)")
        }
    }

    /// A check of the tables by which streams are found.
    public func indexCheck() throws -> any LogIndexCheck { try StreamIndexCheck(of: self) }

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

    func read<Value>(_ body: (Database) throws -> Value) throws -> Value { try attempt { try queue.read(body) } }

    /// Runs what reads the file; failures of SQLite's become the store's own.
    func attempt<Value>(_ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch {
            throw StoreObstacle(error, at: path)
                ?? SQLiteEventStoreError.wrapping(error, .readFailed, "cannot read the log \(path)")
        }
    }
}

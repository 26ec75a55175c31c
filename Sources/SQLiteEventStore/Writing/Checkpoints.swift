internal import GRDB
internal import GRDBSQLite

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Keeps the write-ahead log from growing without bound.
///
/// SQLite copies the write-ahead log into the database by itself, but can begin it anew only at a moment without
/// readers, and readers that overlap for ever leave none. So where the file has grown large, new readers are made to
/// wait for that moment: only our own short reads are worth waiting for, so the wait is brief, and where another
/// program keeps a snapshot open the next attempt comes only when the file has grown as much again.
struct Checkpoints {
    /// How long to wait for readers, in milliseconds.
    private static let patience: Int32 = 100

    private let path: String
    private let busyTimeout: Int32
    private let largestLog: Int
    private var nextSize: Int

    /// Checkpoints of the database at `path`, whose busy timeout is in milliseconds, where the write-ahead log has
    /// grown to `largestLog` bytes.
    init(path: String, busyTimeout: Int32, largestLog: Int) {
        self.path = path + "-wal"
        self.busyTimeout = busyTimeout
        self.largestLog = largestLog
        nextSize = largestLog
    }

    /// Empties the write-ahead log where it has grown large. To be called outside a transaction.
    mutating func runIfDue(_ database: Database) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_size >= nextSize else { return }
        let connection = database.sqliteConnection
        sqlite3_busy_timeout(connection, Self.patience)
        defer { sqlite3_busy_timeout(connection, busyTimeout) }
        // A failure loses nothing, for what was committed stays in the write-ahead log: try again when it has grown.
        let result = sqlite3_wal_checkpoint_v2(connection, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
        nextSize = result == SQLITE_OK ? largestLog : Int(status.st_size) + largestLog
    }
}

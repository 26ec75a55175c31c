internal import EventSourcing
internal import GRDB
internal import GRDBSQLite
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Copies the write-ahead log into the database, and keeps it from growing without bound.
///
/// SQLite would do the first by itself after a commit, and pass over every error in it: a database file that cannot be
/// flushed would go unnoticed. So its automatic checkpoints are off, and these take their place.
///
/// The write-ahead log can be begun anew only at a moment without readers, and readers that overlap for ever leave none.
/// So where the file has grown large, new readers are made to wait for that moment: only our own short reads are worth
/// waiting for, so the wait is brief, and where another program keeps a snapshot open the next attempt comes only when
/// the file has grown as much again.
struct Checkpoints {
    /// After so many pages in the write-ahead log at most, as SQLite's own checkpoints come.
    private static let maxPages = 1000
    private static let pageSize = 4096
    /// How long to wait for readers, in milliseconds.
    private static let patience: Int32 = 100

    private let path: String
    private let busyTimeout: Int32
    private let largestLog: Int
    private var nextSize: Int
    /// Whether the last attempt to empty the write-ahead log found a reader in the way.
    private(set) var isHeldUp = false
    private let pagesBetween: Int32
    private let pagesInLog = PageCount()

    /// What SQLite tells of the write-ahead log after each commit.
    private final class PageCount: Sendable {
        let value = Atomic<Int32>(0)
    }

    /// Checkpoints of the database at `path`, whose busy timeout is in milliseconds, where the write-ahead log has
    /// grown to `largestLog` bytes.
    init(path: String, busyTimeout: Int32, largestLog: Int) {
        self.path = path + "-wal"
        self.busyTimeout = busyTimeout
        self.largestLog = largestLog
        nextSize = largestLog
        pagesBetween = Int32(min(Self.maxPages, max(1, largestLog / Self.pageSize)))
    }

    /// Takes the place of SQLite's automatic checkpoints on the connection that writes.
    func begin(_ database: Database) {
        // The hook lives as long as the connection, whose end nobody tells: so what it writes to, a number, is never freed.
        let pages = Unmanaged.passRetained(pagesInLog)
        sqlite3_wal_hook(
            database.sqliteConnection,
            { context, _, _, pages in
                if let context {
                    Unmanaged<PageCount>.fromOpaque(context).takeUnretainedValue().value.store(
                        pages, ordering: .relaxed)
                }
                return SQLITE_OK
            }, pages.toOpaque())
    }

    /// Copies the whole write-ahead log into the database, flushes that, and empties the log: before a log is used, for
    /// what an earlier process wrote and was killed before it flushed would else be read, and told, as if it were durable.
    static func settle(_ database: Database, path: String) throws {
        let result = sqlite3_wal_checkpoint_v2(database.sqliteConnection, nil, SQLITE_CHECKPOINT_TRUNCATE, nil, nil)
        guard result == SQLITE_OK else {
            let error = DatabaseError(resultCode: ResultCode(rawValue: result))
            throw StoreObstacle(error, at: path)
                ?? SQLiteEventStoreError(
                    .cannotOpen,
                    "cannot settle what \(path)-wal holds; close other programs that have the log open, and look at the "
                        + "disk",
                    cause: error)
        }
    }

    /// Copies and empties where it is due. To be called outside a transaction.
    ///
    /// - Throws: where the database file cannot be written or flushed. What was committed is in the write-ahead log.
    mutating func runIfDue(_ database: Database) throws {
        guard pagesInLog.value.load(ordering: .relaxed) >= pagesBetween else { return }
        var status = stat()
        let isLarge = stat(path, &status) == 0 && status.st_size >= nextSize
        let connection = database.sqliteConnection
        if isLarge { sqlite3_busy_timeout(connection, Self.patience) }
        defer { if isLarge { sqlite3_busy_timeout(connection, busyTimeout) } }
        let mode = isLarge ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE
        let result = sqlite3_wal_checkpoint_v2(connection, nil, mode, nil, nil)
        // Readers in the way are no failure, nor is a disk too full for a larger database: everything stays in the
        // write-ahead log, and the next commit tries again.
        guard [SQLITE_OK, SQLITE_BUSY, SQLITE_LOCKED, SQLITE_FULL].contains(result & 0xFF) else {
            throw DatabaseError(
                resultCode: ResultCode(rawValue: result),
                message: "cannot copy the write-ahead log into the database: "
                    + String(cString: sqlite3_errmsg(connection)))
        }
        if isLarge {
            nextSize = result == SQLITE_OK ? largestLog : Int(clamping: status.st_size) + largestLog
            isHeldUp = [SQLITE_BUSY, SQLITE_LOCKED].contains(result & 0xFF)
        }
        pagesInLog.value.store(0, ordering: .relaxed)
    }
}

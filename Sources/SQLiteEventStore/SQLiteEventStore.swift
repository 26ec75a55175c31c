public import EventSourcing
internal import GRDB
internal import GRDBSQLite
internal import Synchronization

/// A log in one SQLite file, through GRDB.
///
/// Every append is flushed to disk before it returns (write-ahead log, `synchronous = FULL`). Reads see what is durable
/// and neither wait for the appender nor delay it. The file can be opened with any SQLite tool while the store runs; a
/// tool that locks it for writing delays an append for at most ``busyTimeout``, after which the append meets a
/// ``StoreObstacle``. So does one that finds the disk full.
///
/// One store at a time has the file open: the file and `PATH.lock` beside it are locked until ``close()``, or until the
/// process ends.
public final class SQLiteEventStore: EventStore {
    /// How long an append waits for a lock that another program holds, in milliseconds. Short, for whoever appends has
    /// more to do than that.
    public static let busyTimeout = 250
    /// `SQLITE_IOERR_SHMSIZE`: the file of the shared memory, `-shm`, cannot grow.
    private static let noRoomForSharedMemory = SQLITE_IOERR | (19 << 8)
    /// How long ``tryWriting()`` waits for such a lock, in milliseconds.
    private static let probeTimeout = 20
    /// The default of the size at which the write-ahead log is emptied, in bytes.
    public static let largestWriteAheadLog = 64 << 20

    /// The id that the log was given when it was made.
    public let logID: UniqueID

    private let path: String
    private let clock: @Sendable () -> Timestamp
    private let pool: DatabasePool
    private let lock: LockFile
    private let databaseLock: DatabaseLock
    private let files: OpenFiles
    private let limits: Limits
    private let heads: StreamHeads
    private let writer: Mutex<Writer>
    private let published: Mutex<Published>

    /// What any thread may know without waiting for the writer.
    private struct Published {
        var head: LogHead
        /// Whether a reader keeps the write-ahead log from being emptied.
        var isHeldUp = false
        var isClosed = false
    }

    /// What is done how soon.
    struct Limits {
        /// The write-ahead log is emptied when it has grown to so many bytes.
        var writeAheadLog = SQLiteEventStore.largestWriteAheadLog
        /// How long an append waits for another program's lock, in milliseconds.
        var busyTimeout = SQLiteEventStore.busyTimeout
        /// The ends of streams are written down if so many have changed.
        var heads = StreamHeadSaving.Limits()
    }

    /// Opens the log at `path`, and makes file and folder if they are missing.
    ///
    /// - Parameters:
    ///   - clock: what tells the time of records; one that is set back makes no record older than the one before it.
    ///   - writeAheadLog: the write-ahead log is emptied when it has grown to so many bytes.
    /// - Throws: ``StoreObstacle`` if another program is in the way or the disk is full: try again later. Else
    ///   ``SQLiteEventStoreError``: `cannotOpen`; `locked`; `straySideFile`, `foreignFile`, `newerSchema` and
    ///   `alteredSchema`, with the file left as it was; `notDurable`; `damaged` if the end of the log is not what was written.
    public convenience init(
        path: String, clock: @escaping @Sendable () -> Timestamp = Timestamp.now,
        writeAheadLog: Int = SQLiteEventStore.largestWriteAheadLog
    ) throws {
        try self.init(path: path, clock: clock, limits: Limits(writeAheadLog: writeAheadLog))
    }

    /// Opens a log with limits of its own.
    ///
    /// - Parameter newID: the id that a new log gets; nil: one that no other log has.
    init(
        path: String, clock: @escaping @Sendable () -> Timestamp = Timestamp.now, limits: Limits = Limits(),
        newID: UniqueID? = nil
    ) throws {
        let path = try DatabasePath.prepare(path)
        lock = try LockFile(path: path + ".lock")
        try SideFiles.requireRegular(beside: path)
        try SideFiles.requireDatabase(of: path)
        // Whoever supervises the log starts it again when it has ended because its file was moved.
        if let log = lock.lastLog, DatabasePath.size(path) ?? 0 == 0 {
            throw SQLiteEventStoreError(
                .cannotOpen,
                "\(path) is missing, or empty, and \(path).lock says that the log \(log) was there: bring the file back, "
                    + "with its -wal and -shm, or remove \(path).lock to begin a new log")
        }
        databaseLock = try DatabaseLock(path: path)
        try SideFiles.requireNoForeignJournal(beside: path, databaseLock)
        try WriteAheadLogCheck.run(path + "-wal")
        do {
            let opened = try Self.open(path: path, at: clock(), limits, newID)
            let files = OpenFiles(of: path, databaseLock)
            pool = opened.pool
            logID = opened.logID
            heads = opened.heads
            writer = Mutex(
                try opened.pool.writeWithoutTransaction { database in
                    let checkpoints = Checkpoints(
                        path: path, busyTimeout: Int32(limits.busyTimeout), largestLog: limits.writeAheadLog)
                    checkpoints.begin(database)
                    return Writer(
                        logID: opened.logID, head: opened.head, opened.heads,
                        try StreamHeadSaving(opened.heads, limits.heads, database), checkpoints: checkpoints,
                        files: files, path: path)
                })
            published = Mutex(Published(head: opened.head))
            self.files = files
        } catch let error as DatabaseError where error.resultCode == .SQLITE_NOTADB {
            throw SQLiteEventStoreError(.foreignFile, "\(path) is not an SQLite database: choose another path")
        } catch let error as DatabaseError where error.extendedResultCode.rawValue == Self.noRoomForSharedMemory {
            // Nothing was written; later, after a commit, it is a failure.
            throw StoreObstacle(.full, "the disk is full that \(path) is on: make space")
        } catch {
            throw StoreObstacle(error, at: path)
                ?? SQLiteEventStoreError.wrapping(error, .cannotOpen, "cannot open the database \(path)")
        }
        self.path = path
        self.clock = clock
        self.limits = limits
        try lock.note("\(logID)", path: path + ".lock")
    }

    /// Closes the file and lets the next store open it. Waits for calls under way; later ones throw `closed`. Does
    /// nothing the second time.
    public func close() throws {
        let wasClosed = published.withLock { published in
            defer { published.isClosed = true }
            return published.isClosed
        }
        if wasClosed { return }
        do {
            // An append under way ends first.
            try writer.withLock { _ in
                // Readers before the writer: the last connection to close empties the write-ahead log into the file,
                // and only the writer can.
                pool.releaseMemory()
                try pool.close()
            }
        } catch {
            throw SQLiteEventStoreError(.cannotOpen, "cannot close the database \(path)", cause: error)
        }
        databaseLock.release()
        lock.release()
    }

    /// The last durable record. Never waits for the appender.
    public func head() throws -> LogHead {
        let published = published.withLock { $0 }
        if published.isClosed { throw closedError }
        return published.head
    }

    /// Appends a batch in one transaction. See ``EventStore``; calls from several threads take turns.
    public func append(
        _ requests: [AppendRequest]
    ) throws -> (results: [AppendResult], records: [RecordedEvent]) {
        try writer.withLock { writer in
            try requireOpen()
            return try pool.writeWithoutTransaction { database in
                let answer = try writer.append(requests, at: clock(), database)
                // At once: readers see the new rows already.
                publish(writer.head)
                try tidy(&writer, database)
                return answer
            }
        }
    }

    /// Lends the log's records to `body` in order, from the one after `position`.
    public func readLog(
        after position: UInt64, limit: ReadLimit, _ body: (RecordView) throws -> Void
    ) throws {
        var last: LogHead?
        // Also of what was read before a failure.
        defer { if let last { publish(last) } }
        try read("the log after position \(position)") { database in
            try LogReader.readLog(database, logID, after: position, limit: limit) { record in
                let header = record.header
                // The head is always the end of an append, also if it is read before the appender has told of it.
                if !header.continues {
                    last = LogHead(position: header.position, hash: header.hash, recordedAt: header.recordedAt)
                }
                try body(record)
            }
        }
    }

    /// Reads one stream in order, from the event after `version`, and the stream's version at that moment.
    public func readStream(_ stream: StreamID, after version: UInt64, limit: ReadLimit) throws -> StreamSlice {
        let slice = try read("stream \(stream) after version \(version)", of: stream) { database, head in
            let events = try LogReader.readStream(database, logID, stream, head, after: version, limit: limit)
            return StreamSlice(events: events, version: head.version)
        }
        if let last = slice.events.last(where: { !$0.continues }) {
            publish(LogHead(position: last.position, hash: last.hash, recordedAt: last.recordedAt))
        }
        return slice
    }

    /// What was done under a key of a stream; nil where the key is free.
    public func outcome(
        of key: [UInt8], in scope: StreamID
    ) throws -> (fingerprint: Digest256, outcome: KeyedOutcome)? {
        try read("a command key of \(scope)") { try CommandKeys.find(key, in: scope, $0) }
    }

    /// Adds records and keys as another place has them, in one transaction; see ``LogDestination/append(_:_:)``.
    func copy(_ records: [RecordedEvent], _ keys: [RecordedKey]) throws {
        publish(
            try write { writer, database in
                try writer.copy(records, keys, database)
                return writer.head
            })
    }

    /// Keeps snapshots in one transaction.
    public func keep(_ snapshots: [Snapshot]) throws -> [Bool] {
        try write { try $0.keep(snapshots, $1) }
    }

    /// Forgets a snapshot.
    public func dropSnapshot(of stream: StreamID, fingerprint: Digest256, version: UInt64) throws {
        try write { try $0.dropSnapshot(of: stream, fingerprint: fingerprint, version: version, $1) }
    }

    /// The newest snapshot of a stream at a version or before it; nil where there is none.
    public func snapshot(
        of stream: StreamID, fingerprint: Digest256, atMost version: UInt64
    ) throws -> Snapshot? {
        try read("a snapshot of \(stream)", of: stream) { database, head in
            try Snapshots.find(stream, head, fingerprint: fingerprint, atMost: version, database)
        }
    }

    /// How many events of a stream were recorded at a time or before it.
    public func version(of stream: StreamID, at time: Timestamp) throws -> UInt64 {
        try read("stream \(stream) at \(time)", of: stream) { database, head in
            try LogReader.version(database, from: head, at: time)
        }
    }

    /// Writes a row as it is, and waits for a lock only for some milliseconds.
    public func tryWriting() throws {
        try write { writer, database in
            let connection = database.sqliteConnection
            sqlite3_busy_timeout(connection, Int32(Self.probeTimeout))
            defer { sqlite3_busy_timeout(connection, Int32(limits.busyTimeout)) }
            try writer.tryWriting(database)
        }
    }

    /// The sizes of the file and of its write-ahead log, which somebody's open transaction keeps from being emptied.
    public func usage() throws -> StoreUsage {
        try requireOpen()
        let sizes = files.sizes
        let isLarge =
            sizes.writeAheadLog >= UInt64(clamping: limits.writeAheadLog) &* 2 && published.withLock { $0.isHeldUp }
        return StoreUsage(
            bytes: sizes.database, pendingBytes: sizes.writeAheadLog,
            warning: isLarge
                ? "\(path)-wal has \(sizes.writeAheadLog) bytes and cannot be emptied: another program has been reading "
                    + "the log for long; let it finish, or end it" : nil)
    }

    /// A warning that others than its owner may read or write the log's files, as older versions made them; nil if not.
    public static func exposure(of path: String) -> String? {
        let files = ([""] + SideFiles.suffixes + [".lock"]).map { path + $0 }
        let open = files.filter { DatabasePath.isForOthers($0) }
        guard let first = open.first else { return nil }
        return "others than its owner may use \(first), which holds the log: chmod 600 \(open.joined(separator: " "))"
    }

    private func write<Value: Sendable>(_ body: (inout Writer, Database) throws -> Value) throws -> Value {
        try writer.withLock { writer in
            try requireOpen()
            return try pool.writeWithoutTransaction { database in
                let value = try body(&writer, database)
                try tidy(&writer, database)
                return value
            }
        }
    }

    private func tidy(_ writer: inout Writer, _ database: Database) throws {
        try writer.tidy(database)
        let isHeldUp = writer.isHeldUp
        published.withLock { $0.isHeldUp = isHeldUp }
    }

    /// Makes a record the head, unless a newer one is. What a reader has seen is durable, and it may have seen it before
    /// the appender came to tell of it: the head is never behind what was read.
    private func publish(_ head: LogHead) {
        published.withLock { if $0.head.position < head.position { $0.head = head } }
    }

    private func read<Value>(
        _ subject: @autoclosure () -> String, _ body: (Database) throws -> Value
    ) throws -> Value {
        try requireOpen()
        do {
            return try pool.read(body)
        } catch {
            throw SQLiteEventStoreError.wrapping(error, .readFailed, "cannot read \(subject()) from \(path)")
        }
    }

    private func read<Value>(
        _ subject: @autoclosure () -> String, of stream: StreamID, _ body: (Database, StreamHead) throws -> Value
    ) throws -> Value {
        // Before the view of the file begins; see there.
        let known = heads.knowledge(of: stream)
        return try read(subject()) { database in
            try body(database, StreamHeads.head(of: stream, known, database))
        }
    }

    private func requireOpen() throws {
        if published.withLock({ $0.isClosed }) { throw closedError }
    }

    private var closedError: SQLiteEventStoreError {
        SQLiteEventStoreError(.closed, "the log \(path) was closed; open it again")
    }
}

// MARK: - Opening

extension SQLiteEventStore {
    private static func open(
        path: String, at time: Timestamp, _ limits: Limits, _ newID: UniqueID?
    ) throws -> (pool: DatabasePool, logID: UniqueID, heads: StreamHeads, head: LogHead) {
        var configuration = Configuration()
        configuration.label = "SQLiteEventStore"
        configuration.busyMode = .timeout(Double(limits.busyTimeout) / 1000)
        // A transaction that can be neither committed nor rolled back must end in an error, not in GRDB's trap.
        configuration.allowsUnsafeTransactions = true
        configuration.prepareDatabase { database in
            try Distrust.begin(database)
            // Before GRDB makes the first change to the file, which is to switch on the write-ahead log.
            if !database.configuration.readonly { try Schema.check(database, path: path) }
        }
        let pool = try DatabasePool(path: path, configuration: configuration)
        return try pool.writeWithoutTransaction { database in
            try Durability.establish(on: database, path: path)
            try database.execute(sql: "PRAGMA cache_size = -65536")
            try database.execute(sql: "PRAGMA journal_size_limit = \(limits.writeAheadLog)")
            try Checkpoints.settle(database, path: path)
            let logID = try Schema.open(database, path: path, at: time, newID: newID)
            // SQLite does not flush the deletion of the journal with which it went over to the write-ahead log. Were that
            // journal back after a loss of power, it would roll the file back to before.
            try FileFlush.flush(DatabasePath.folder(of: path))
            try StreamIndex.repair(database)
            let heads = try StreamHeads(database)
            return (pool, logID, heads, try LogTail.load(database, logID: logID, heads))
        }
    }

    /// The settings of the connection that appends, for the tests.
    func durability() throws -> Durability { try withWriter { try Durability.read(from: $0) } }

    /// The connection that appends, for the tests.
    func withWriter<Value: Sendable>(_ body: (Database) throws -> Value) throws -> Value {
        try pool.writeWithoutTransaction(body)
    }
}

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The names of the files that are open, and whether they still lead to those files: what is written to a file without
/// a name is lost when the process ends.
struct OpenFiles {
    private let path: String
    private let database: FileIdentity
    private let writeAheadLog: FileIdentity?

    /// The files of a database that SQLite has open, with its write-ahead log.
    init(of path: String, _ lock: DatabaseLock) {
        self.path = path
        database = lock.identity
        writeAheadLog = FileIdentity(path: path + "-wal")
    }

    /// Costs two looks at the folder, some microseconds.
    ///
    /// - Throws: `replaced` if one was moved, removed or replaced.
    func verify() throws {
        guard FileIdentity(path: path) == database else { throw replaced(path) }
        guard FileIdentity(path: path + "-wal") == writeAheadLog else { throw replaced(path + "-wal") }
    }

    /// The sizes of the database and of its write-ahead log, in bytes.
    var sizes: (database: UInt64, writeAheadLog: UInt64) {
        (DatabasePath.size(path) ?? 0, DatabasePath.size(path + "-wal") ?? 0)
    }

    private func replaced(_ path: String) -> SQLiteEventStoreError {
        SQLiteEventStoreError(
            .replaced,
            "\(path) was moved, removed or replaced while the log was open: bring it back, and start the log again")
    }
}

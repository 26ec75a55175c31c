/// The files that SQLite keeps beside a database: the write-ahead log, its index in shared memory, and the rollback
/// journal. They are parts of that database: beside another one, SQLite would bring their pages into it.
enum SideFiles {
    static let suffixes = ["-wal", "-shm", "-journal"]

    /// Refuses a place for a new database if side files of an earlier one lie there.
    static func requireNone(beside path: String) throws {
        for suffix in suffixes where DatabasePath.exists(path + suffix) {
            throw SQLiteEventStoreError(
                .straySideFile,
                "\(path + suffix) is there, a part of an earlier file: move it away together with that file, or choose "
                    + "another place")
        }
    }

    /// Refuses symbolic links, FIFOs and the like in the places of side files.
    static func requireRegular(beside path: String) throws {
        for suffix in suffixes where DatabasePath.isSpecial(path + suffix) {
            throw SQLiteEventStoreError(.cannotOpen, "\(path + suffix) is not a regular file: remove it")
        }
    }

    /// Refuses a database that is missing or empty if its write-ahead log is not: SQLite would delete that.
    static func requireDatabase(of path: String) throws {
        guard (DatabasePath.size(path) ?? 0) == 0, let size = DatabasePath.size(path + "-wal"), size > 0 else { return }
        throw SQLiteEventStoreError(
            .straySideFile,
            "\(path) is missing or empty, but its write-ahead log \(path)-wal holds \(size) bytes: bring back the file "
                + "that it belongs to, or move it away")
    }

    /// Refuses a rollback journal that SQLite would roll back into a log to which it cannot belong.
    ///
    /// A log writes one only while it is made, when there is nothing yet to roll back to, and while a restored file is
    /// switched over to the write-ahead log, which changes some bytes of the first page.
    static func requireNoForeignJournal(beside path: String, _ lock: DatabaseLock) throws {
        let journal = try RollbackJournal(path: path + "-journal")
        guard let journal, journal.pagesBefore > 0, isWriteAheadLogged(lock.read(20)) else { return }
        if let page = journal.onlyPage, isSameBeforeSwitch(page, lock.read(page.count)) { return }
        throw SQLiteEventStoreError(
            .straySideFile,
            "\(path)-journal is a rollback journal of a database of \(journal.pagesBefore) pages, and this log uses none: "
                + "it belongs to another file; move it away")
    }

    private static func isWriteAheadLogged(_ header: [UInt8]) -> Bool {
        header.count == 20 && header[18] == 2 && header[19] == 2
    }

    /// Whether two states of a first page differ only in the file format's version and the counters of changes.
    private static func isSameBeforeSwitch(_ before: [UInt8], _ now: [UInt8]) -> Bool {
        guard before.count == now.count else { return false }
        return before.indices.allSatisfy { index in
            before[index] == now[index] || 18...19 ~= index || 24..<28 ~= index || 92..<100 ~= index
        }
    }
}

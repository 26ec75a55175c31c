internal import EventSourcing
internal import EventStoreRules
internal import GRDB

/// What a failure of SQLite or the system means, in words that need no knowledge of either.
enum FailureCause {
    /// The cause of a failure in one clause. SQL and the names of libraries' types never appear in it.
    static func words(for error: any Error) -> String {
        switch error {
        case let error as DatabaseError: words(for: error)
        case let error as SQLiteEventStoreError: error.description
        case let error as StoreObstacle: error.description
        case let error as SystemError: error.description
        default: "the reason is unknown"
        }
    }

    private static func words(for error: DatabaseError) -> String {
        let number = error.extendedResultCode.rawValue
        if error.extendedResultCode == .SQLITE_READONLY_ROLLBACK {
            return "a program was killed while it changed the file, and its rollback journal lies beside it: open the "
                + "file once for writing, as the event log does"
        }
        if error.message == "too many levels of trigger recursion" {
            return "it has a trigger, which Daybook did not make and does not run: drop it"
        }
        return switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED, .SQLITE_PROTOCOL: "another program holds a lock on it"
        case .SQLITE_FULL: "the disk is full"
        case .SQLITE_IOERR: "disk I/O error (SQLite code \(number))"
        case .SQLITE_CORRUPT: "the file is malformed (SQLite code \(number)): restore a backup"
        case .SQLITE_NOTADB: "it is not an SQLite database"
        case .SQLITE_CANTOPEN: "the file, or one beside it, cannot be opened"
        case .SQLITE_READONLY: "the file or its folder cannot be written to (SQLite code \(number))"
        case .SQLITE_PERM, .SQLITE_AUTH: "it is not permitted"
        case .SQLITE_NOMEM: "out of memory"
        case .SQLITE_TOOBIG: "a value in it is too large"
        default: "\((error.message ?? "no reason was given").printable) (SQLite code \(number))"
        }
    }
}

extension StoreObstacle {
    /// The obstacle that an error of SQLite stands for; nil if it is a failure.
    ///
    /// A lock is met before anything is written. SQLite reports a full disk before the last frame of a commit is whole,
    /// and rolls the transaction back: so nothing of it can ever be read. A flush that fails is neither, whatever the
    /// reason.
    init?(_ error: any Error, at path: String) {
        guard let error = error as? DatabaseError else { return nil }
        switch error.resultCode {
        case .SQLITE_BUSY, .SQLITE_LOCKED:
            self.init(.busy, "another program holds a lock on \(path): end it, or let it finish")
        case .SQLITE_FULL:
            self.init(.full, "the disk is full that \(path) is on: make space")
        default:
            return nil
        }
    }
}

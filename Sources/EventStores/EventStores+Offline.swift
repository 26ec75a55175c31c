public import EventSourcing
internal import PostgreSQLEventStore
internal import SQLiteEventStore

/// Logs that are read, made and continued by an operator's commands.
extension EventStores {
    /// Opens the log at an address for reading only; a service may go on writing it.
    ///
    /// - Throws: ``StoreObstacle`` if it may be read later; else a ``StoreFailure``, also if there is no log.
    public static func source(_ address: StoreAddress) throws -> any LogSource {
        switch address {
        case .sqlite(let path): try SQLiteLogFile(path: path)
        case .postgresql(let string): try PostgreSQLLogSource(string)
        }
    }

    /// Whether two addresses lead to the same file, or database, whatever they call it.
    ///
    /// - Throws: ``StoreObstacle`` if a server cannot be reached; else a ``StoreFailure``.
    public static func isSame(_ first: StoreAddress, _ second: StoreAddress) throws -> Bool {
        if first == second { return true }
        return switch (first, second) {
        case (.sqlite(let first), .sqlite(let second)): SQLiteLogFile.isSame(first, second)
        case (.postgresql(let first), .postgresql(let second)): try SameDatabase.isMeant(by: first, and: second)
        case (.sqlite, .postgresql), (.postgresql, .sqlite): false
        }
    }

    /// Opens the log at an address to continue it with the records of another place, and makes it if there is none. One
    /// that is in a database and empty gets the log's id.
    ///
    /// - Parameters:
    ///   - logID: the log's id.
    ///   - isNew: whether there may be no log yet, but for an empty one in a database.
    /// - Throws: a ``StoreFailure``, with everything left as it was, if a service has the log, or if another one is there;
    ///   ``StoreObstacle``.
    public static func destination(
        _ address: StoreAddress, for logID: UniqueID, isNew: Bool = false
    ) throws -> any LogDestination {
        switch address {
        case .sqlite(let path): try SQLiteLogDestination(path: path, for: logID, isNew: isNew)
        case .postgresql(let string): try PostgreSQLLogDestination(string, for: logID, isNew: isNew)
        }
    }

    /// Puts a log into a new file of SQLite's, atomically.
    ///
    /// - Parameters:
    ///   - last: what comes after this position is left out; nil: nothing. An append must end there.
    ///   - copy: how all records, keys and snapshots are brought from one to the other, if the source is no file itself.
    ///   - check: looks at the file before it gets its name; if it throws, no file is made.
    /// - Throws: a ``StoreFailure``, ``StoreObstacle``, and what `copy` and `check` throw.
    public static func makeFile(
        of source: any LogSource, at path: String, upTo last: UInt64?,
        copy: (any LogSource, any LogDestination) throws -> Void, check: (any LogSource) throws -> Void
    ) throws {
        if let file = source as? SQLiteLogFile {
            return try SQLiteLogCopy.make(of: file, at: path, upTo: last, check: check)
        }
        try SQLiteLogCopy.make(of: source.logID, at: path, check: check) { try copy(source, $0) }
    }
}

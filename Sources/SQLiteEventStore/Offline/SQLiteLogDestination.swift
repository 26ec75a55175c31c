public import EventSourcing
internal import EventStoreRules

/// A log's file that is made, or continued, of the records of another place.
public final class SQLiteLogDestination: LogDestination {
    /// The path, printable.
    public let place: String

    private let store: SQLiteEventStore
    /// The last record that it holds.
    public private(set) var head: LogHead

    /// Opens the log at `path`, and makes it if there is none.
    ///
    /// - Parameters:
    ///   - logID: the id that the log has, or gets.
    ///   - isNew: whether there may be no file yet.
    /// - Throws: ``SQLiteEventStoreError`` `otherLog`, with the file left as it was, if it holds another log, or one
    ///   although there may be none; `locked` if a service has it; else as
    ///   ``SQLiteEventStore/init(path:clock:writeAheadLog:)``.
    public init(path: String, for logID: UniqueID, isNew: Bool = false) throws {
        if isNew, DatabasePath.exists(path) {
            throw SQLiteEventStoreError(.otherLog, "\(path) is there already: choose another place, or move it away")
        }
        // Before anything is changed of a file: one of an older version would be brought up to date.
        if let size = DatabasePath.size(path), size > 0 {
            try Self.require(SQLiteLogFile(path: path).logID, is: logID, path)
        }
        store = try SQLiteEventStore(path: path, newID: logID)
        place = path.printable
        do {
            // It may have been put there meanwhile.
            try Self.require(store.logID, is: logID, path)
            head = try store.head()
        } catch {
            try store.close()
            throw error
        }
    }

    private static func require(_ found: UniqueID, is logID: UniqueID, _ path: String) throws {
        guard found == logID else {
            throw SQLiteEventStoreError(
                .otherLog,
                "\(path) holds another log, \(found), and not \(logID): choose another place, or move it away")
        }
    }

    /// Adds records and keys in one transaction.
    public func append(_ records: [RecordedEvent], _ keys: [RecordedKey]) throws {
        try store.copy(records, keys)
        head = try store.head()
    }

    /// Keeps the snapshots whose events it has.
    public func keep(_ snapshots: [Snapshot]) throws { _ = try store.keep(snapshots) }

    /// Brings everything into the file itself, and lets a service open it.
    public func close() throws { try store.close() }
}

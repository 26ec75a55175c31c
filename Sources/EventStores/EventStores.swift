public import EventSourcing
internal import PostgreSQLEventStore
internal import SQLiteEventStore

/// The one place that knows which store belongs to which address.
public enum EventStores {
    /// What a store of one kind can be told, beside its address.
    public struct Options: Sendable {
        /// SQLite's write-ahead log is emptied when it has so many bytes.
        public var writeAheadLog = SQLiteEventStore.largestWriteAheadLog

        /// The defaults.
        public init() {}
    }

    /// Opens the log at an address, and makes it if there is none.
    ///
    /// - Throws: ``StoreObstacle`` if it may be opened later, `standby` if another program leads it; else what the store says.
    public static func open(_ address: StoreAddress, _ options: Options = Options()) throws -> any EventStore {
        switch address {
        case .sqlite(let path): try SQLiteEventStore(path: path, writeAheadLog: options.writeAheadLog)
        case .postgresql(let string): try PostgreSQLEventStore(string)
        }
    }
}

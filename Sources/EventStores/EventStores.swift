public import EventSourcing
internal import PostgreSQLEventStore
internal import SQLiteEventStore

/// The one place that knows which store belongs to which address.
public enum EventStores {
    /// The settings of a store beside its address.
    public struct Options: Sendable {
        /// SQLite's write-ahead log is emptied when it reaches this limit in bytes.
        public var writeAheadLog = SQLiteEventStore.largestWriteAheadLog

        /// The defaults.
        public init() {}
    }

    /// Opens the log at an address, and makes it if there is none.
    ///
    /// - Throws: ``StoreObstacle`` if it may be opened later; else what the store says, also if another program leads it.
    public static func open(_ address: StoreAddress, _ options: Options = Options()) throws -> any EventStore {
        let opening = try opening(address, options, standby: false)
        defer { opening.close() }
        return try opening.attempt()
    }

    /// What opens the log at an address, by as many attempts as it takes.
    ///
    /// - Parameter standby: whether this program waits for its turn if another one leads the log; else that is an error.
    /// - Throws: what the store says of an address that it cannot use.
    public static func opening(
        _ address: StoreAddress, _ options: Options = Options(), standby: Bool
    ) throws -> any StoreOpening {
        switch address {
        case .sqlite(let path): SQLiteOpening(path: path, options: options, standby: standby)
        case .postgresql(let string): try PostgreSQLOpening(string, standby: standby)
        }
    }
}

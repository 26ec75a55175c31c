public import EventSourcing

/// Opens a log in a PostgreSQL database as soon as it is this program's turn to lead it.
public final class PostgreSQLOpening: StoreOpening {
    private let string: String
    private let standby: Bool

    /// An opening that has not tried yet.
    ///
    /// - Parameters:
    ///   - connectionString: any of libpq's: a URI, also with several hosts, or keywords and values.
    ///   - standby: whether this program waits for its turn if another one leads the log; else that is an error.
    /// - Throws: `cannotOpen` if the string cannot be read.
    public init(_ connectionString: String, standby: Bool) throws {
        _ = try ConnectionString(connectionString)
        string = connectionString
        self.standby = standby
    }

    /// See ``StoreOpening``.
    public func attempt() throws -> any EventStore {
        do {
            return try PostgreSQLEventStore(string)
        } catch let error as PostgreSQLEventStoreError where standby && error.code == .locked {
            throw StoreObstacle(.standby, error.description)
        }
    }

    /// See ``StoreOpening``.
    public func close() {}
}

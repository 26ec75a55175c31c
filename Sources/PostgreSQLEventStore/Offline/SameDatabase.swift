/// Finds out whether two connection strings lead to one database, whatever they call it.
public enum SameDatabase {
    /// Whether two connection strings lead to the same database of the same run of the same server.
    ///
    /// - Throws: ``StoreObstacle`` if a server cannot be reached; else ``PostgreSQLEventStoreError``.
    public static func isMeant(by first: String, and second: String) throws -> Bool {
        try identity(ConnectionString(first)) == identity(ConnectionString(second))
    }

    /// The cluster, the database, and the start of the server: a copy of the cluster's files has the first two as well.
    private static func identity(_ string: ConnectionString) throws -> [Int64?] {
        let connection = try OfflineSession.open(string, for: .reading)
        return try OfflineSession.attempt("open", string) {
            let rows = try connection.run(
                Statement(
                    """
                    SELECT (SELECT system_identifier FROM pg_catalog.pg_control_system()), d.oid::bigint,
                    (extract(epoch FROM pg_catalog.pg_postmaster_start_time()) * 1000000)::bigint
                    FROM pg_catalog.pg_database AS d WHERE d.datname = pg_catalog.current_database()
                    """, returning: [.int8, .int8, .int8]), within: OfflineSession.limit)
            return (0..<3).map { rows.first?.integer(at: $0) }
        }
    }
}

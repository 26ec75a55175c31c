/// Waits until all that was committed is as durable as commits are: what a session sees may not be on the synchronous standby
/// yet, and may be lost.
enum Barrier {
    private static let statement = Statement(
        """
        SELECT CASE WHEN NOT pg_catalog.pg_is_in_recovery()
            THEN pg_catalog.pg_logical_emit_message(true, 'daybook', '') IS NOT NULL END
        """, returning: [.bool])

    /// Does nothing on a server in recovery, which commits nothing. A session that only reads may do it, too.
    ///
    /// - Throws: ``ConnectionFailure``, also if the server warns that the standby has not confirmed it.
    static func pass(_ connection: Connection, within limit: Duration) throws(ConnectionFailure) {
        _ = try connection.run([Durability.waiting, statement], within: limit)
        if let warning = connection.warnings.first { throw .lost("the server warns at the commit: \(warning)") }
    }
}

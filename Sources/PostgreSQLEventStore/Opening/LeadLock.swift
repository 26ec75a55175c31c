/// The advisory lock that whoever leads a log holds while its session lasts.
///
/// It only keeps a second program from taking the lead of one that works: it is not replicated, and a server that was cut
/// off knows nothing of it. What counts is the row, see ``Lead``.
enum LeadLock {
    /// `DBK1`, and a number for what is locked.
    static let key: Int64 = 0x4442_4B31_0000_0001

    /// Takes the lock if it is free. It ends with the connection.
    static func tryTaking(_ connection: Connection, within limit: Duration) throws(ConnectionFailure) -> Bool {
        try connection.run(
            Statement("SELECT pg_catalog.pg_try_advisory_lock($1)", [.integer(key)], returning: [.bool]),
            within: limit
        ).first?.bool(at: 0) == true
    }

    /// Gives it back.
    static func release(_ connection: Connection, within limit: Duration) throws(ConnectionFailure) {
        _ = try connection.run(
            Statement("SELECT pg_catalog.pg_advisory_unlock($1)", [.integer(key)], returning: [.bool]), within: limit)
    }

    /// Takes the lock if it is free, and says so in the row: for a leader that had to do without it.
    static var takingLate: Statement {
        Statement(
            """
            UPDATE daybook.writer SET server_run = \(Lead.currentRun) WHERE pg_catalog.pg_try_advisory_lock($1)
            """, [.integer(key)])
    }

    /// Has the server end the session that holds the lock: that of a program which does not work any more.
    static func endHolder(_ connection: Connection, within limit: Duration) throws(ConnectionFailure) {
        _ = try connection.run(
            Statement(
                """
                SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_locks
                WHERE locktype = 'advisory' AND granted AND objsubid = 1
                    AND classid = ($1::bigint >> 32)::oid AND objid = ($1::bigint & 4294967295)::oid
                    AND database = (SELECT oid FROM pg_catalog.pg_database
                        WHERE datname = pg_catalog.current_database())
                    AND pid <> pg_catalog.pg_backend_pid()
                """, [.integer(key)], returning: [.bool]), within: limit)
    }
}

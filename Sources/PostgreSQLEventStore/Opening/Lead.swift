internal import EventSourcing

/// Who may append to a log: the program whose epoch stands in the writer's row. Every transaction that writes names the
/// epoch.
struct Lead: Sendable {
    /// Which run of which server, and which course of its history, a statement is carried out on.
    static let currentRun = """
        pg_catalog.pg_postmaster_start_time()::text || '/'
            || pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_lsn()), 8)
        """

    /// The next epoch: greater than the last one, and at least the milliseconds since 1970-01-01T00:00:00Z by the server's
    /// clock. So it is greater than what peers received before a backup was restored, too. The server checks the sum.
    private static let nextEpoch = """
        greatest(epoch + 1, (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint)
        """

    /// Who leads: an id that this store made for itself.
    let owner: UniqueID
    /// The same for people: the host and the process.
    let name: String
    /// The number of this lead, from 1: greater with each taking, and with each new connection.
    let epoch: Int64
    /// Where the log ends.
    var position: UInt64
    /// How many transactions have written to the log.
    var changes: Int64
    /// Whether the advisory lock is held, too.
    var hasLock: Bool
    /// When the transaction was sent that raised the epoch.
    let sentAt: ContinuousClock.Instant

    /// Raises the epoch, so that whoever led before cannot write any more.
    ///
    /// It is also a barrier: when it returns, everything that was committed before is as durable as commits are, on the
    /// synchronous standby, too.
    ///
    /// The epoch is raised only if it still is what was read: a statement of a connection that was closed may be
    /// carried out much later, and must not depose the one that followed it.
    ///
    /// - Parameters:
    ///   - row: what was read.
    ///   - isIdle: whether it is raised only if nothing was written since: nobody is deposed who works.
    /// - Returns: nil if the row has changed.
    /// - Throws: ``ConnectionFailure``, also if the server warns that the commit is not on the standby yet.
    static func take(
        _ connection: Connection, for owner: UniqueID, _ name: String, from row: LeadRow, ifIdle isIdle: Bool,
        hasLock: Bool, within limit: Duration
    ) throws(ConnectionFailure) -> Lead? {
        let sentAt = ContinuousClock.now
        let rows = try connection.run(
            Statement(
                """
                UPDATE daybook.writer SET epoch = \(nextEpoch), owner = $1, leader = $2, released = false,
                    led_since = CASE WHEN owner = $1 THEN led_since ELSE pg_catalog.clock_timestamp() END,
                    renewed_at = pg_catalog.clock_timestamp(), server_run = CASE WHEN $3 THEN \(currentRun) ELSE '' END
                WHERE epoch = $4 AND ($5 OR changes = $6)
                RETURNING epoch, position, changes
                """,
                [
                    .id(owner), .text(name), .bool(hasLock), .integer(row.epoch), .bool(!isIdle),
                    .integer(row.changes),
                ], returning: [.int8, .int8, .int8]), within: limit)
        if let warning = connection.warnings.first { throw .lost("the server warns at the commit: \(warning)") }
        guard let row = rows.first else { return nil }
        guard let epoch = row.integer(at: 0), let position = row.ordinal(at: 1), let changes = row.integer(at: 2),
            epoch > 0, 0...LeadRow.maxChanges ~= changes
        else { throw .unexpected("the writer's row") }
        return Lead(
            owner: owner, name: name, epoch: epoch, position: position, changes: changes, hasLock: hasLock,
            sentAt: sentAt)
    }

    /// Gives the lead back: whoever takes it need not wait.
    func release(_ connection: Connection, within limit: Duration) throws(ConnectionFailure) {
        _ = try connection.run(
            Statement("UPDATE daybook.writer SET released = true WHERE epoch = $1", [.integer(epoch)]), within: limit)
        try LeadLock.release(connection, within: limit)
    }
}

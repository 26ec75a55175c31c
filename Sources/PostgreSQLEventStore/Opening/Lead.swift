internal import EventSourcing

/// Who may append to a log: the program whose epoch stands in the writer's row.
///
/// The advisory lock only keeps a second program from taking the lead of one that works: it is not replicated, and a
/// server that was cut off knows nothing of it. What counts is the row: every transaction that writes names the epoch.
struct Lead: Sendable {
    /// `DBK1`, and a number for what is locked.
    private static let lock: Int64 = 0x4442_4B31_0000_0001
    private static let maxAttempts = 10

    /// Who leads: an id that this store made for itself.
    let owner: UniqueID
    /// How many times the log was opened, or a connection taken anew.
    let epoch: Int64
    /// Where the log ends.
    let position: UInt64
    /// How many transactions have written to the log.
    let changes: Int64

    /// Takes the advisory lock, waiting for it a little: that of a program which has just ended is not free at once.
    ///
    /// - Throws: `locked`; ``ConnectionFailure``.
    static func lock(
        _ connection: Connection, _ string: ConnectionString, waiting patience: Duration, within limit: Duration
    ) throws {
        let deadline = ContinuousClock.now + patience
        while try !tryLock(connection, within: limit) {
            guard .now < deadline else {
                throw PostgreSQLEventStoreError(
                    .locked, "another program has the log in \(string.place) open: end it, or use another database")
            }
            Pause.short()
        }
    }

    /// Takes the advisory lock if it is free. It ends with the connection.
    static func tryLock(_ connection: Connection, within limit: Duration) throws(ConnectionFailure) -> Bool {
        try connection.run(
            Statement("SELECT pg_catalog.pg_try_advisory_lock($1)", [.integer(lock)], returning: [.bool]),
            within: limit
        ).first?.bool(at: 0) == true
    }

    /// Gives the advisory lock back.
    static func unlock(_ connection: Connection, within limit: Duration) throws(ConnectionFailure) {
        _ = try connection.run(
            Statement("SELECT pg_catalog.pg_advisory_unlock($1)", [.integer(lock)], returning: [.bool]), within: limit)
    }

    /// Raises the epoch, so that whoever led before cannot write any more.
    ///
    /// It is also a barrier: when it returns, everything that was committed before is as durable as commits are, on the
    /// synchronous standby, too.
    ///
    /// - Parameter leader: nil at the opening; a store that has lost its connection names itself, and is refused if
    ///   another one has taken the lead since.
    /// - Returns: nil if another one has.
    /// - Throws: ``ConnectionFailure``, also if the server warns that the commit is not on the standby yet.
    static func take(
        _ connection: Connection, for owner: UniqueID, onlyIf leader: UniqueID?, within limit: Duration
    ) throws(ConnectionFailure) -> Lead? {
        for _ in 0..<maxAttempts {
            let rows = try connection.run(
                Statement("SELECT epoch, owner FROM daybook.writer", returning: [.int8, .uuid]), within: limit)
            guard let row = rows.first else { return nil }
            guard let epoch = row.integer(at: 0), let found = row.id(at: 1) else {
                throw .unexpected("the writer's row")
            }
            if let leader, leader != found { return nil }
            if let lead = try raise(epoch, connection, for: owner, within: limit) { return lead }
        }
        throw .lost("others raise the epoch again and again")
    }

    /// Raises the epoch if it still is what was read: a statement of a connection that was given up may be carried out
    /// much later, and must not depose the one that followed it.
    private static func raise(
        _ epoch: Int64, _ connection: Connection, for owner: UniqueID, within limit: Duration
    ) throws(ConnectionFailure) -> Lead? {
        let rows = try connection.run(
            Statement(
                """
                UPDATE daybook.writer SET epoch = epoch + 1, owner = $1 WHERE epoch = $2
                RETURNING epoch, position, changes
                """, [.id(owner), .integer(epoch)], returning: [.int8, .int8, .int8]), within: limit)
        if let warning = connection.warnings.first { throw .lost("the server warns at the commit: \(warning)") }
        guard let row = rows.first else { return nil }
        guard let epoch = row.integer(at: 0), let position = row.ordinal(at: 1), let changes = row.integer(at: 2),
            epoch > 0, changes >= 0, changes < .max
        else { throw .unexpected("the writer's row") }
        return Lead(owner: owner, epoch: epoch, position: position, changes: changes)
    }
}

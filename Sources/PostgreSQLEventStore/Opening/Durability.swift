internal import EventSourcing
internal import EventStoreRules

/// The settings on which it depends that what is acknowledged stays, and the size of the log.
struct Durability: Hashable, Sendable {
    /// `on` or `remote_apply`: a commit waits for the flush of the server, and of its synchronous standbys.
    let synchronousCommit: String
    /// The standbys that a commit waits for; empty: none.
    let synchronousStandbys: String
    /// The bytes that the log's tables and indexes take.
    let size: UInt64
    private let fsync: String
    private let isReadOnly: String

    /// Reads them. In a transaction that writes, it says how that transaction is committed.
    static let statement = Statement(
        """
        SELECT pg_catalog.current_setting('synchronous_commit'), pg_catalog.current_setting('synchronous_standby_names'),
            pg_catalog.current_setting('fsync'), pg_catalog.current_setting('transaction_read_only'),
            (SELECT coalesce(sum(pg_catalog.pg_total_relation_size(c.oid)), 0)::bigint
            FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            WHERE n.nspname = 'daybook' AND c.relkind = 'r')
        """, returning: [.text, .text, .text, .text, .int8])

    /// Has commits of a session wait for what is durable.
    static let waiting = Statement(
        """
        SELECT pg_catalog.set_config('synchronous_commit', 'on', false)
        WHERE pg_catalog.current_setting('synchronous_commit') <> 'remote_apply'
        """, returning: [.text])

    /// What ``statement`` returned.
    init(_ rows: Rows) {
        func text(_ column: Int32) -> String { (rows.first?.text(at: column) ?? "").printable }
        synchronousCommit = text(0)
        synchronousStandbys = text(1)
        fsync = text(2)
        isReadOnly = text(3)
        size = rows.first?.ordinal(at: 4) ?? 0
    }

    /// Whether what is acknowledged is on more than one machine.
    var isReplicated: Bool { !synchronousStandbys.isEmpty }

    /// Why what is acknowledged might not stay, in one sentence; nil if it does.
    func problem(at string: ConnectionString) -> String? {
        if !["on", "remote_apply"].contains(synchronousCommit) {
            return "\(string.place) has synchronous_commit = \(synchronousCommit), so what is acknowledged could be "
                + "lost: let Daybook's role set it to on"
        }
        if fsync != "on" {
            return "\(string.place) has fsync = \(fsync), so a loss of power destroys the log: set it to on"
        }
        return nil
    }

    /// The same for who leads: nothing is written until it is mended.
    func obstacle(at string: ConnectionString) -> StoreObstacle? {
        problem(at: string).map { StoreObstacle(.unavailable, "nothing is written: \($0)") }
    }

    /// Has commits wait for what is durable, and reads back whether they do: see ``problem(at:)``.
    ///
    /// - Throws: ``StoreObstacle`` if the server takes no writes, ``ConnectionFailure``.
    static func establish(
        on connection: Connection, _ string: ConnectionString, within limit: Duration
    ) throws -> Durability {
        let durability = Durability(try connection.run([waiting, statement], within: limit)[1])
        guard durability.isReadOnly == "off" else {
            throw StoreObstacle(
                .unavailable, "the database \(string.place) takes no writes: it is a standby, or set to read-only")
        }
        return durability
    }
}

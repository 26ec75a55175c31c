internal import EventSourcing
internal import EventStoreRules

/// The settings on which it depends that what is acknowledged stays.
struct Durability: Hashable, Sendable {
    /// `on` or `remote_apply`: a commit waits for the flush of the server, and of its synchronous standbys.
    let synchronousCommit: String
    /// The standbys that a commit waits for; empty: none.
    let synchronousStandbys: String

    /// Whether what is acknowledged is on more than one machine.
    var isReplicated: Bool { !synchronousStandbys.isEmpty }

    /// Has commits wait for what is durable, and reads back whether they do.
    ///
    /// - Throws: `notDurable`, ``StoreObstacle`` if the server takes no writes, ``ConnectionFailure``.
    @discardableResult
    static func establish(
        on connection: Connection, _ string: ConnectionString, within limit: Duration
    ) throws -> Durability {
        let current = try setting("synchronous_commit", connection, limit)
        if current != "remote_apply" {
            _ = try connection.run(ServerSession.set("synchronous_commit", to: "on"), within: limit)
        }
        let durability = Durability(
            synchronousCommit: try setting("synchronous_commit", connection, limit),
            synchronousStandbys: try setting("synchronous_standby_names", connection, limit))
        guard ["on", "remote_apply"].contains(durability.synchronousCommit) else {
            throw PostgreSQLEventStoreError(
                .notDurable,
                "\(string.place) has synchronous_commit = \(durability.synchronousCommit) and does not "
                    + "change it to on")
        }
        guard try setting("fsync", connection, limit) == "on" else {
            throw PostgreSQLEventStoreError(
                .notDurable, "\(string.place) has fsync = off, so a loss of power destroys the log: set it to on")
        }
        guard try setting("transaction_read_only", connection, limit) == "off" else {
            throw StoreObstacle(
                .unavailable, "the database \(string.place) takes no writes: it is a standby, or set to read-only")
        }
        return durability
    }

    private static func setting(_ name: String, _ connection: Connection, _ limit: Duration) throws -> String {
        let rows = try connection.run(
            Statement("SELECT pg_catalog.current_setting($1)", [.text(name)], returning: [.text]), within: limit)
        return (rows.first?.text(at: 0) ?? "").printable
    }
}

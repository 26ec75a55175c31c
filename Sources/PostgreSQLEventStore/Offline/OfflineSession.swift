internal import EventSourcing

/// Connections of an operator's command: it has nothing else to do meanwhile, so it may wait long.
enum OfflineSession {
    /// For what reads, or sorts, a whole table.
    static let limit = Duration.seconds(3600)
    /// For what sets a session up.
    private static let setupLimit = Duration.seconds(30)

    /// What a service's session does without, since its statements are planned once and for all.
    private static let settings = [("statement_timeout", "0"), ("enable_seqscan", "on"), ("enable_bitmapscan", "on")]

    /// A connection that is ready for its purpose.
    ///
    /// - Throws: as ``ServerSession/open(_:for:within:)``.
    static func open(_ string: ConnectionString, for purpose: ServerSession.Purpose) throws -> Connection {
        let connection = try ServerSession.open(string, for: purpose, within: setupLimit)
        try attempt("open", string) {
            _ = try connection.run(settings.map { ServerSession.set($0.0, to: $0.1) }, within: setupLimit)
        }
        return connection
    }

    /// Requires that what a connection has read is as durable as commits are: see ``Barrier``. Of a server in recovery, and if the
    /// role may not ask, it is what that server has.
    ///
    /// - Throws: `unavailable` if it may be lost yet; ``ConnectionFailure``.
    static func requireDurable(_ connection: Connection, _ string: ConnectionString) throws {
        do throws(ConnectionFailure) {
            try Barrier.pass(connection, within: setupLimit)
        } catch {
            switch error {
            case .refused(let message, _) where message.state == "42501":
                // The function was taken away from the role.
                return
            case .lost(let reason):
                throw StoreObstacle(
                    .unavailable,
                    "what was read from \(string.place) may not stay, since the server does not confirm that it is durable "
                        + "(\(reason)): read again when its synchronous standby is back")
            default: throw error
            }
        }
    }

    /// Runs what speaks with the server; failures of the connection become the store's own.
    static func attempt<Value>(_ what: String, _ string: ConnectionString, _ body: () throws -> Value) throws -> Value {
        do {
            return try body()
        } catch let failure as ConnectionFailure {
            throw StoreObstacle(failure, at: string)
                ?? PostgreSQLEventStoreError(.readFailed, "cannot \(what) the log in \(string.place)", failure)
        }
    }
}

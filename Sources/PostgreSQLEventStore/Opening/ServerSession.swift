internal import EventSourcing

/// What is set for a connection, and the server asked, before anything else.
enum ServerSession {
    /// What a session is for.
    enum Purpose {
        /// Appending.
        case writing
        /// Reading.
        case reading
    }

    /// The oldest server that will do.
    static let minServerVersion = 15

    /// Settings that a role, a database or a connection string may have changed.
    private static let settings = [
        // Names of tables are written with their schema; so only the server's own functions are found.
        ("search_path", "pg_catalog, pg_temp"),
        // A commit that no standby has confirmed is reported by a warning: it must come.
        ("client_min_messages", "warning"),
        ("default_transaction_isolation", "read committed"),
        ("idle_in_transaction_session_timeout", "0"), ("idle_session_timeout", "0"),
        // Well before ``Timeouts/commit`` and ``Timeouts/lookup``: the server's refusal says that nothing was done, but what
        // became of a transaction whose connection was closed is unknown until the lock is gone.
        ("lock_timeout", "2s"),
        // A table that was planned for when it was small: statements are planned once, and must use the indexes then, too.
        ("plan_cache_mode", "force_generic_plan"), ("enable_seqscan", "off"), ("enable_bitmapscan", "off"),
        ("enable_hashjoin", "off"), ("enable_mergejoin", "off"), ("jit", "off"),
    ]
    /// The server keeps the session, and with it the lock, for longer than a lease if it receives nothing from the
    /// program; but then not for much longer.
    private static let settingsOfWriter = [
        ("statement_timeout", "0"), ("tcp_keepalives_idle", "3"), ("tcp_keepalives_interval", "1"),
        ("tcp_keepalives_count", "4"), ("tcp_user_timeout", "6000"),
    ]
    private static let settingsOfReader = [
        ("statement_timeout", "30s"), ("default_transaction_read_only", "on"),
    ]

    /// A connection that is ready for its purpose.
    ///
    /// - Parameter isWanted: whether it is still of use, see ``Connection/isWanted``.
    /// - Throws: ``StoreObstacle`` if the server cannot be reached; `unsuitable` if it will not do; `cannotOpen` if it
    ///   refuses.
    static func open(
        _ string: ConnectionString, for purpose: Purpose, within limit: Duration,
        isWanted: (@Sendable () -> Bool)? = nil
    ) throws -> Connection {
        do {
            let connection = try Connection(string, isWanted: isWanted)
            try requireServer(connection, string)
            let settings = Self.settings + (purpose == .writing ? settingsOfWriter : settingsOfReader)
            _ = try connection.run(settings.map { set($0.0, to: $0.1) }, within: limit)
            return connection
        } catch let failure as ConnectionFailure {
            throw StoreObstacle(failure, at: string)
                ?? PostgreSQLEventStoreError(.cannotOpen, "cannot use the database \(string.place)", failure)
        }
    }

    /// A connection that reads what a lead has written, and nothing older.
    ///
    /// - Throws: as ``open(_:for:within:)``; `unavailable` if the lead is not to be seen: it is another server, a standby, or
    ///   the lead was taken since.
    static func openReader(
        _ string: ConnectionString, epoch: Int64, within limit: Duration, isWanted: (@Sendable () -> Bool)? = nil
    ) throws -> Connection {
        let connection = try open(string, for: .reading, within: limit, isWanted: isWanted)
        do {
            let found = try connection.run(
                Statement(
                    "SELECT epoch FROM daybook.writer WHERE NOT pg_catalog.pg_is_in_recovery()", returning: [.int8]),
                within: limit)
            guard found.first?.integer(at: 0) == epoch else {
                throw StoreObstacle(
                    .unavailable,
                    "a server of \(string.place) that was to be read is a standby, or of another lead of the log: leave "
                        + "target_session_attrs out of the address, or wait until this program has connected anew")
            }
        } catch let failure as ConnectionFailure {
            throw StoreObstacle(failure, at: string)
                ?? PostgreSQLEventStoreError(.cannotOpen, "cannot use the database \(string.place)", failure)
        }
        return connection
    }

    static func set(_ name: String, to value: String) -> Statement {
        Statement(
            "SELECT pg_catalog.set_config($1, $2, false)", [.text(name), .text(value)], returning: [.text])
    }

    private static func requireServer(
        _ connection: Connection, _ string: ConnectionString
    ) throws(PostgreSQLEventStoreError) {
        let version = connection.serverVersion
        guard version >= minServerVersion * 10_000 else {
            throw PostgreSQLEventStoreError(
                .unsuitable,
                "\(string.place) is PostgreSQL \(version / 10_000), and Daybook needs \(minServerVersion) or newer: upgrade "
                    + "the server")
        }
        let demands = [("server_encoding", "UTF8"), ("standard_conforming_strings", "on"), ("integer_datetimes", "on")]
        for (name, value) in demands where connection.parameter(name) != value {
            throw PostgreSQLEventStoreError(
                .unsuitable,
                "\(string.place) has \(name) = \(connection.parameter(name) ?? "nothing"), and Daybook needs \(value): "
                    + "use a database that has it")
        }
    }
}

extension StoreObstacle {
    /// The obstacle that a failure stands for; nil if trying again would not help.
    ///
    /// For statements before `COMMIT` only, or of which it does not matter whether they were carried out.
    init?(_ failure: ConnectionFailure, at string: ConnectionString) {
        switch failure {
        case .lost(let reason):
            self.init(.unavailable, "the database \(string.place) cannot be reached: \(reason)")
        case .refused(let message, _):
            let sentence = "the database \(string.place) refuses for now: \(message)"
            switch message.state {
            case "53100": self.init(.full, "the disk of the database \(string.place) is full: make space")
            case "55P03", "40001", "40P01", "57014": self.init(.busy, sentence)
            case "25006", "57P01", "57P02", "57P03", "57P05": self.init(.unavailable, sentence)
            case let state where state.hasPrefix("53") || state.hasPrefix("08"): self.init(.unavailable, sentence)
            default: return nil
            }
        case .unexpected: return nil
        }
    }
}

internal import EventSourcing

/// How far a log is read: what comes after it may be seen already, but it is not certain that it stays. A commit that was
/// cancelled while it waited for a standby, or whose server's process was ended, can be seen and then be lost.
struct ReadBound: Hashable, Sendable {
    /// The last position.
    var position: UInt64
    /// The number of the last transaction.
    var change: Int64
}

extension ReadBound {
    /// Asks whether a server has all up to here: a standby of it may lag behind, and a server that became the primary may
    /// lack the end.
    var isReached: Statement {
        Statement(
            """
            SELECT position >= $1 AND changes >= $2 AND NOT pg_catalog.pg_is_in_recovery() FROM daybook.writer
            """, [.ordinal(position), .integer(change)], returning: [.bool])
    }

    /// - Throws: `unavailable` unless the answer to ``isReached`` says so; then the connection is closed.
    func requireReached(_ rows: Rows?, _ connection: Connection, _ string: ConnectionString) throws(StoreObstacle) {
        guard rows?.first?.bool(at: 0) == true else {
            _ = connection.lose("the server lacks what is known to be durable")
            throw StoreObstacle(
                .unavailable,
                "a server of \(string.place) that was read lacks what is known to be durable: it is a standby that lags "
                    + "behind, or another primary; leave target_session_attrs out of the address, or read again")
        }
    }

    /// Calls `body`, which reads through a connection, and says whether it could see all up to here: without a round trip of
    /// its own.
    ///
    /// - Throws: `unavailable` if not, whatever `body` met; else what it throws.
    func reading<Value>(
        _ connection: Connection, _ string: ConnectionString, within limit: Duration, _ body: () throws -> Value
    ) throws -> Value {
        let number = try connection.send([isReached])
        let value = Result { try body() }
        let outcome: Connection.Outcome
        do {
            // Also if the connection is lost by now: what was answered before stands.
            outcome = try connection.outcome(of: number, until: .now + limit)
        } catch {
            // What `body` met first is the more precise error.
            _ = try value.get()
            throw error
        }
        try requireReached(outcome.rows.get().first, connection, string)
        return try value.get()
    }
}

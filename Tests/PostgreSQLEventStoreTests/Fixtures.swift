import EventSourcing
import TestSupport
import Testing

@testable import PostgreSQLEventStore

/// A stream of category `test`.
func stream(_ name: String) throws -> StreamID { try #require(StreamID(category: "test", name: name)) }

/// An event with an id of its own.
func event(_ data: String = #"{"amount":"1.00"}"#) -> NewEvent {
    NewEvent(id: .version7(at: .now()), type: "Happened", schemaVersion: 1, data: Array(data.utf8))
}

/// An append of events to one stream.
func append(_ events: [NewEvent], to stream: StreamID, under key: String? = nil) -> AppendRequest {
    AppendRequest(
        command: key.map { CommandKey(key: Array($0.utf8), fingerprint: Digest256(1, 0, 0, 0), outcome: [1]) },
        writes: [StreamWrite(stream: stream, expected: .any, events: events)])
}

extension PostgreSQLEventStore {
    /// Appends one event to a stream.
    @discardableResult
    func add(to stream: StreamID, under key: String? = nil) throws -> AppendResult {
        try #require(try append([PostgreSQLEventStoreTests.append([event()], to: stream, under: key)]).results.first)
    }

    /// The versions of a stream's events.
    func versions(of stream: StreamID) throws -> [UInt64] {
        try readStream(stream, after: 0, limit: ReadLimit(events: 10_000)).events.map(\.streamVersion)
    }
}

extension TestDatabase {
    /// The process id of the server's process that the store appends through.
    static let writerQuery = """
        SELECT pid::bigint FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND database =
            (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
        """

    /// Takes the lead from the store that has it, as a second program does that the lock of another server let in.
    @discardableResult
    func depose() throws -> Lead {
        let connection = try connect()
        for _ in 1...100 {
            let row = try #require(try LeadRow.read(connection, within: .seconds(10)))
            let lead = try Lead.take(
                connection, for: .version7(at: .now()), "another program", from: row, ifIdle: false, hasLock: false,
                within: .seconds(10))
            if let lead { return lead }
        }
        throw TooLate(description: "the lead cannot be taken")
    }

    /// The epoch that stands in the writer's row.
    func epoch() throws -> Int64 {
        let rows = try run("SELECT epoch FROM daybook.writer", returning: [.int8])
        return try #require(rows.first?.integer(at: 0))
    }

    /// Ends the server's process that the store appends through.
    func terminateWriter() throws {
        try run(
            "SELECT pg_catalog.pg_terminate_backend(pid::integer, 10000) FROM (\(Self.writerQuery)) AS writer",
            returning: [.bool])
    }

    /// Ends all other sessions of the database.
    func terminateSessions() throws {
        try run(
            """
            SELECT pg_catalog.pg_terminate_backend(pid, 10000) FROM pg_catalog.pg_stat_activity
            WHERE datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid()
            """, returning: [.bool])
    }
}

extension Connection {
    /// Changes a setting of the server. Not in a transaction, and not written with a wait.
    func set(_ name: String, to value: String) throws {
        let limit = Duration.seconds(30)
        _ = try run(Statement("SET synchronous_commit = local"), within: limit)
        _ = try run(Statement("ALTER SYSTEM SET \(name) = '\(value)'"), within: limit)
        _ = try run(Statement("SELECT pg_catalog.pg_reload_conf()", returning: [.bool]), within: limit)
        let setting = Statement("SELECT pg_catalog.current_setting('\(name)')", returning: [.text])
        while try run(setting, within: limit).first?.text(at: 0) != value { Pause.short() }
    }

    /// Names a standby that there is not, so that commits wait.
    ///
    /// Sessions do not know that from their own setting, but from the checkpointer, a little later: a commit that waits
    /// shows it.
    ///
    /// - Parameter string: of the same server.
    func nameMissingStandby(_ string: String) throws {
        try set("synchronous_standby_names", to: "nobody")
        let session = try Connection(ConnectionString(string))
        let write = Statement(
            "SELECT pg_catalog.pg_logical_emit_message(true, 'test', '') IS NOT NULL", returning: [.bool])
        let waiting = Statement(
            "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE wait_event = 'SyncRep'", returning: [.int8])
        let deadline = ContinuousClock.now + .seconds(60)
        while .now < deadline {
            let number = try session.send([write])
            while try session.take(number) == nil {
                if try run(waiting, within: .seconds(30)).first?.integer(at: 0) != 0 { return }
            }
        }
        throw TooLate(description: "commits do not wait for a standby")
    }

    /// Cancels the commit that waits for a standby.
    func cancelCommit() throws -> Bool {
        try run(
            Statement(
                """
                SELECT pg_catalog.pg_cancel_backend(pid) FROM pg_catalog.pg_stat_activity
                WHERE wait_event = 'SyncRep' AND query ILIKE 'COMMIT%'
                """, returning: [.bool]), within: .seconds(30)
        ).first?.bool(at: 0) == true
    }
}

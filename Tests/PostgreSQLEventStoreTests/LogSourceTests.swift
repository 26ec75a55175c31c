import Dispatch
import EventSourcing
import Synchronization
import TestSupport
import Testing

@testable import PostgreSQLEventStore

@Suite("What is read offline stays")
struct LogSourceTests {
    @Test func whatNoStandbyHasIsNotRead() async throws {
        let server = try PostgreSQLServer()
        let store = try PostgreSQLEventStore(server.local)
        let a = try stream("a")
        try store.add(to: a)
        let operatorOfServer = try Connection(ConnectionString(server.local))
        try operatorOfServer.nameMissingStandby(server.local)
        let endings = Endings()
        store.appender().begin(.append([append([event()], to: a, under: "1")]), completed: endings.add(1))
        try await eventually("the commit is cancelled", within: .seconds(60)) { try operatorOfServer.cancelCommit() }
        let count = Statement("SELECT count(*) FROM daybook.records", returning: [.int8])
        try await eventually("it can be seen", within: .seconds(60)) {
            try operatorOfServer.run(count, within: .seconds(60)).first?.integer(at: 0) == 2
        }
        let source = try PostgreSQLLogSource(server.local)
        try await expectUnavailable(operatorOfServer) { _ = try source.head() }
        try await expectUnavailable(operatorOfServer) { _ = try source.keys(from: 0) }

        try operatorOfServer.set("synchronous_standby_names", to: "")
        try await endings.wait(for: 1)
        #expect(try source.head() == store.head())
        #expect(try source.head().position == 2)
        #expect(try source.keys(from: 0).next()?.position == 2)
        try store.close()
    }

    /// Requires that what reads waits for the standby, and fails if an operator ends the wait.
    private func expectUnavailable(
        _ operatorOfServer: Connection, _ body: @escaping @Sendable () throws -> Void
    ) async throws {
        let result = Mutex<Result<Void, any Error>?>(nil)
        let group = DispatchGroup()
        DispatchQueue.global().async(group: group) {
            let outcome = Result { try body() }
            result.withLock { $0 = outcome }
        }
        try await eventually("the wait is cancelled", within: .seconds(60)) {
            _ = try operatorOfServer.run(
                Statement(
                    """
                    SELECT pg_catalog.pg_cancel_backend(pid) FROM pg_catalog.pg_stat_activity
                    WHERE wait_event = 'SyncRep' AND query LIKE '%emit_message(true, ''daybook''%'
                    """, returning: [.bool]), within: .seconds(30))
            return result.withLock { $0 != nil }
        }
        let obstacle = #expect(throws: StoreObstacle.self) { try result.withLock { try $0?.get() } }
        #expect(obstacle?.kind == .unavailable)
        #expect(obstacle?.description.contains("may not stay") == true)
    }

    @Test func aRoleThatOnlyReadsIsEnough() throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        try store.add(to: stream("a"), under: "1")
        let role = "copier_of_\(database.name)"
        let ask = "EXECUTE ON FUNCTION pg_catalog.pg_logical_emit_message(boolean, text, text)"
        for statement in [
            "CREATE ROLE \(role) LOGIN", "ALTER ROLE \(role) SET default_transaction_read_only = on",
            "GRANT USAGE ON SCHEMA daybook TO \(role)", "GRANT SELECT ON ALL TABLES IN SCHEMA daybook TO \(role)",
        ] { try database.run(statement) }
        defer {
            do {
                for statement in ["GRANT \(ask) TO PUBLIC", "DROP OWNED BY \(role)", "DROP ROLE \(role)"] {
                    try database.run(statement)
                }
            } catch { Issue.record(error) }
        }
        for mayAsk in [true, false] {
            if !mayAsk { try database.run("REVOKE \(ask) FROM PUBLIC") }
            let string = database.string.replacing("//daybook@", with: "//\(role)@") + "&target_session_attrs=any"
            let source = try PostgreSQLLogSource(string)
            #expect(try source.head() == store.head())
            #expect(try source.keys(from: 0).next()?.position == 1)
        }
        try store.close()
    }
}

import EventSourcing
import Foundation
import TestSupport
import Testing

@testable import PostgreSQLEventStore

@Suite("People read the log with SQL")
struct ViewTests {
    @Test func eventsCanBeQueried() throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        let a = try stream("a")
        let data = [
            #"{"amount":"1.50"}"#, #"{ "amount" : 2e400, "amount":"2.50" }"#,
            #"{"amount":"0\u0000\\u0000\\\u0000"}"#,
        ]
        _ = try store.append([append(data.map { event($0) }, to: a, under: "key")])
        let rows = try database.run(
            "SELECT position, stream, type, data->>'amount' FROM daybook.events ORDER BY position",
            returning: [.int8, .text, .text, .text])
        #expect((0..<3).map { rows[$0].text(at: 3) } == ["1.50", "2.50", "0\u{FFFD}\\u0000\\\u{FFFD}"])
        #expect(rows[2].text(at: 1) == "test/a")
        let keys = try database.run("SELECT stream, position FROM daybook.command_keys", returning: [.text, .int8])
        #expect(keys.count == 1)
        #expect(keys[0].text(at: 0) == "test/a")
        #expect(keys[0].integer(at: 1) == 3)
        try store.close()
    }

    @Test func rolesHaveTheLeastThatTheyNeed() throws {
        let database = try TestDatabase()
        try PostgreSQLEventStore(database.string).close()
        let (appender, reader) = ("appender_of_\(database.name)", "reader_of_\(database.name)")
        for role in [appender, reader] { try database.run("CREATE ROLE \(role) LOGIN") }
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "deploy/postgresql/roles.sql")
        let grants = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            .filter { !$0.hasPrefix("--") }.joined(separator: "\n")
            .replacing(#":"appender""#, with: appender).replacing(#":"reader""#, with: reader)
        for grant in grants.split(separator: ";") where grant.contains("GRANT") { try database.run(String(grant)) }

        let store = try PostgreSQLEventStore(database.string.replacing("//daybook@", with: "//\(appender)@"))
        let a = try stream("a")
        try store.add(to: a, under: "key")
        _ = try store.append([append([], to: a, under: "refusal")])
        let last = try #require(try store.readStream(a, after: 0, limit: ReadLimit(events: 1)).events.first)
        let snapshot = Snapshot(
            stream: a, version: 1, lastEvent: last.event.id, createdAt: last.recordedAt, updatedAt: last.recordedAt,
            fingerprint: Digest256(1, 2, 3, 4), state: [1])
        #expect(try store.keep([snapshot, snapshot]) == [true, true])
        try store.dropSnapshot(of: a, fingerprint: snapshot.fingerprint, version: 1)
        try store.close()

        func isRefused(_ role: String, _ text: String) throws -> Bool {
            let connection = try Connection(
                ConnectionString(database.string.replacing("//daybook@", with: "//\(role)@")))
            do throws(ConnectionFailure) {
                _ = try connection.run(Statement(text), within: .seconds(10))
            } catch {
                guard case .refused(let message, _) = error else { throw error }
                return message.state == "42501"
            }
            return false
        }
        for text in ["DELETE FROM daybook.records", "UPDATE daybook.records SET type = ''", "TRUNCATE daybook.records"]
        {
            #expect(try isRefused(appender, text), "\(text)")
        }
        #expect(try isRefused(reader, "DELETE FROM daybook.events"))
        #expect(try isRefused(reader, "INSERT INTO daybook.refusals SELECT FROM daybook.refusals"))
        for role in [appender, reader] { try database.run("DROP OWNED BY \(role)") }
        for role in [appender, reader] { try database.run("DROP ROLE \(role)") }
    }

    @Test func aReaderWhoseConnectionWasLostConnectsAnew() throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        let a = try stream("a")
        for count in 1...3 as ClosedRange<UInt64> {
            try store.add(to: a)
            #expect(try store.versions(of: a).count == Int(count))
            try database.run(
                """
                SELECT pg_catalog.pg_terminate_backend(pid, 10000) FROM pg_catalog.pg_stat_activity
                WHERE datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid()
                """, returning: [.bool])
        }
        try store.close()
    }
}

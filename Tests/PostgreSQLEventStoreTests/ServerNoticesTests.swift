import Foundation
import TestSupport
import Testing

@testable import PostgreSQLEventStore

@Suite("What a server says beside its answers is not printed")
struct ServerNoticesTests {
    /// What is printed to standard error meanwhile.
    private func printed<Value>(_ body: () throws -> Value) throws -> String {
        let url = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try #require(FileManager.default.createFile(atPath: url.path(), contents: nil))
        defer { do { try FileManager.default.removeItem(at: url) } catch { Issue.record(error) } }
        let file = open(url.path(), O_WRONLY | O_APPEND)
        let before = dup(2)
        try #require(file >= 0 && before >= 0 && dup2(file, 2) == 2)
        let result = Result { try body() }
        let isRestored = dup2(before, 2) == 2
        close(before)
        close(file)
        try #require(isRestored)
        _ = try result.get()
        return try String(contentsOf: url, encoding: .utf8)
    }

    @Test func aWarningThatComesWhileAConnectionIsMadeIsNotPrinted() throws {
        let database = try TestDatabase()
        let admin = try Connection(ConnectionString(PostgreSQLServer.shared().local))
        func set(_ version: String) throws {
            _ = try admin.run(
                Statement(
                    "UPDATE pg_catalog.pg_database SET datcollversion = \(version) WHERE datname = '\(database.name)'"),
                within: .seconds(60))
        }
        // The server warns of it at the end of the authentication.
        try set("E'\\x1b[31mred'")
        defer { do { try set("NULL") } catch { Issue.record(error) } }
        let text = try printed { try database.run("SELECT 1::bigint", returning: [.int8]) }
        #expect(!text.contains("collation"))
    }
}

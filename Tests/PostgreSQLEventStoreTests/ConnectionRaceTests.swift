import Dispatch
import EventSourcing
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import PostgreSQLEventStore

@Suite("A host that does not answer delays nobody")
struct ConnectionRaceTests {
    /// A socket that takes connections and never answers, as a host that stands still.
    private final class SilentHost {
        let port: UInt16
        private let descriptor: Int32

        init() throws {
            descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var size = socklen_t(MemoryLayout<sockaddr_in>.size)
            let (listener, length) = (descriptor, size)
            let isOpen = withUnsafeMutablePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(listener, $0, length) == 0 && listen(listener, 16) == 0
                        && getsockname(listener, $0, &size) == 0
                }
            }
            port = UInt16(bigEndian: address.sin_port)
            if !isOpen { throw TooLate(description: "there is no socket") }
        }

        deinit { close(descriptor) }
    }

    /// How many sessions of the database have ended.
    private func sessions(_ database: TestDatabase) throws -> Int64 {
        let admin = try Connection(ConnectionString(PostgreSQLServer.shared().local))
        return try admin.run(
            Statement(
                "SELECT sessions FROM pg_catalog.pg_stat_database WHERE datname = $1", [.text(database.name)],
                returning: [.int8]), within: .seconds(60)
        ).first?.integer(at: 0) ?? 0
    }

    private func setReadOnly(_ isReadOnly: Bool, _ database: TestDatabase) throws {
        let admin = try Connection(ConnectionString(PostgreSQLServer.shared().local))
        let change = isReadOnly ? "SET default_transaction_read_only = on" : "RESET default_transaction_read_only"
        _ = try admin.run(Statement("ALTER DATABASE \(database.name) \(change)"), within: .seconds(60))
    }

    @Test func aHostThatIsPromotedWhileAnotherIsSilentIsFound() async throws {
        let (silent, database) = (try SilentHost(), try TestDatabase())
        let hosts = "@127.0.0.1:\(silent.port),127.0.0.1:"
        let string = try ConnectionString(
            database.remote.replacing("@127.0.0.1:", with: hosts) + "?connect_timeout=60")
        try setReadOnly(true, database)
        let before = try sessions(database)
        let result = Mutex<Result<Connection, any Error>?>(nil)
        let group = DispatchGroup()
        DispatchQueue.global().async(group: group) {
            let outcome = Result { try Connection(string) }
            result.withLock { $0 = outcome }
        }
        try await eventually("the host is refused as a standby", within: .seconds(50)) {
            try sessions(database) > before
        }
        try setReadOnly(false, database)
        group.wait()
        #expect(throws: Never.self) { try result.withLock { try $0?.get() } }
        _ = silent
    }

    @Test func hostsThatAllRefuseAreNotWaitedFor() throws {
        let error = #expect(throws: ConnectionFailure.self) {
            try Connection(ConnectionString("host=127.0.0.1,127.0.0.1 port=1,2 connect_timeout=3600"))
        }
        // Each host's reason, once.
        #expect(error?.description.components(separatedBy: "port 1 ").count == 2)
        #expect(error?.description.components(separatedBy: "port 2 ").count == 2)
    }

    @Test func whoeverIsNotWantedAnyMoreIsGivenUp() throws {
        let silent = try SilentHost()
        let string = try ConnectionString("host=127.0.0.1 port=\(silent.port) connect_timeout=3600")
        #expect(throws: ConnectionFailure.self) { try Connection(string) { false } }
    }

    @Test func aReadWithoutALeaseDoesNotWaitForAConnection() async throws {
        let server = try PostgreSQLServer()
        var timeouts = Timeouts()
        timeouts.commit = .seconds(600)
        timeouts.lookup = .seconds(600)
        let store = try PostgreSQLEventStore(server.remote + "?connect_timeout=3600", timeouts: timeouts)
        let a = try stream("a")
        try store.add(to: a)
        let admin = try Connection(ConnectionString(server.local))
        let rows = try admin.run(
            Statement(
                """
                SELECT pid::bigint FROM pg_catalog.pg_stat_activity
                WHERE backend_type = 'client backend' AND pid <> pg_catalog.pg_backend_pid()
                UNION ALL SELECT pg_catalog.split_part(pg_catalog.pg_read_file('postmaster.pid'), E'\\n', 1)::bigint
                """, returning: [.int8]), within: .seconds(60))
        let processes = try (0..<rows.count).map { pid_t(try #require(rows[$0].integer(at: 0))) }
        #expect(processes.count >= 2)
        for process in processes { #expect(kill(process, SIGSTOP) == 0) }
        defer { for process in processes { kill(process, SIGCONT) } }
        let group = DispatchGroup()
        DispatchQueue.global().async(group: group) {
            #expect(throws: StoreObstacle.self) { try store.versions(of: a) }
        }
        #expect(group.wait(timeout: .now() + 60) == .success)
        for process in processes { kill(process, SIGCONT) }
        group.wait()
        try store.close()
    }
}

import EventSourcing
import Synchronization
import TestSupport
import Testing

@testable import PostgreSQLEventStore

/// A database of a test's own, with no log in it. It is emptied and given to the next test afterwards.
final class TestDatabase: Sendable {
    private static let free = Mutex<[String]>([])
    private static let made = Atomic<Int>(0)

    let name: String
    /// Its connection string, by the server's Unix socket.
    let string: String

    init() throws {
        let server = try PostgreSQLServer.shared()
        if let name = Self.free.withLock({ $0.popLast() }) {
            self.name = name
        } else {
            name = "test\(Self.made.add(1, ordering: .relaxed).newValue)"
            let admin = try Connection(ConnectionString(server.local))
            _ = try admin.run(Statement("CREATE DATABASE \(name) TEMPLATE template0"), within: .seconds(60))
        }
        string = server.local.replacing("/postgres?", with: "/\(name)?")
    }

    /// The connection string over TCP.
    var remote: String {
        get throws { try PostgreSQLServer.shared().remote.replacing("/postgres", with: "/\(name)") }
    }

    /// A connection to it that is no store's.
    func connect() throws -> Connection { try Connection(ConnectionString(string)) }

    /// Runs a statement in it.
    @discardableResult
    func run(
        _ text: String, _ parameters: [Parameter] = [], returning columns: [ServerType] = []
    ) throws -> Rows {
        try connect().run(Statement(text, parameters, returning: columns), within: .seconds(60))
    }

    deinit {
        do {
            try run("DROP SCHEMA IF EXISTS daybook CASCADE")
            Self.free.withLock { $0.append(name) }
        } catch {
            Issue.record(error, "the database \(name) cannot be emptied")
        }
    }
}

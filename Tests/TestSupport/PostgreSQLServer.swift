internal import Foundation
internal import Testing

/// A PostgreSQL server of the tests' own, started by the first test of a process that needs it: `Tests/PostgreSQL/serve`,
/// which ends it when this process ends.
public final class PostgreSQLServer: Sendable {
    /// The connection string of the database `postgres`, by the server's Unix socket.
    public let local: String
    /// The same over TCP, with a password.
    public let remote: String

    /// The server that the tests of this process share.
    public static func shared() throws -> PostgreSQLServer { try started.get() }

    private static let started = Result { try PostgreSQLServer() }

    /// Kept open: the server ends when it is closed.
    private let input: FileHandle
    private let process: Process

    /// Starts a server of its own, for a test that changes its settings.
    public init() throws {
        let process = Process()
        process.executableURL = URL(filePath: #filePath).deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "PostgreSQL/serve")
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        var text = ""
        while text.count(where: { $0 == "\n" }) < 2 {
            let data = output.fileHandleForReading.availableData
            if data.isEmpty { throw TooLate(description: "PostgreSQL did not start; see what serve said above") }
            text += String(decoding: data, as: UTF8.self)
        }
        let lines = text.split(separator: "\n").map(String.init)
        (local, remote) = (lines[0], lines[1])
        self.input = input.fileHandleForWriting
        self.process = process
    }

    deinit {
        do { try input.close() } catch { Issue.record(error, "the server cannot be asked to end") }
        process.waitUntilExit()
    }
}

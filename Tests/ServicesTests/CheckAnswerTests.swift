import EventLogProtocol
import EventSourcing
import Foundation
import TestSupport
import Testing

/// What only asks whether what it expects holds is answered by the log also while its store takes no writes.
@Suite struct CheckAnswerTests {
    private let stream = StreamID(category: "tally", name: "t")!

    private func append(_ count: Int, _ expected: ExpectedVersion) -> AppendRequest {
        let events = (0..<count).map { _ in
            NewEvent(id: .version7(at: .now()), type: "Counted", schemaVersion: 1, data: Array("{\"by\":1}".utf8))
        }
        return AppendRequest(writes: [StreamWrite(stream: stream, expected: expected, events: events)])
    }

    private func versions(_ result: AppendResult) -> [UInt64]? {
        if case .committed(let commit) = result { commit.streamVersions } else { nil }
    }

    @Test func `a check is answered and records nothing`() async throws {
        try await withLog { client, _ in
            #expect(versions(try await client.append(append(0, .exactly(0)))) == [0])
            _ = try await client.append(append(2, .exactly(0)))
            #expect(versions(try await client.append(append(0, .exactly(2)))) == [2])
            guard case .conflict(let conflict) = try await client.append(append(0, .exactly(1))) else {
                Issue.record("no conflict")
                return
            }
            #expect(conflict.streams.map(\.missed.count) == [1])
            #expect(try await client.status().head.position == 2)
        }
    }

    @Test func `a check is answered while another program holds the store's lock, and an append is refused`()
        async throws
    {
        try await withLog { client, place in
            _ = try await client.append(append(1, .exactly(0)))
            let outsider = try await Outsider(place.path("log.db"), telling: place.path("locked"))
            for _ in 0..<3 {
                let error = await #expect(throws: EventLogError.self) {
                    _ = try await client.append(append(1, .exactly(1)))
                }
                #expect(error?.reason.contains("cannot write now") == true)
                #expect(versions(try await client.append(append(0, .exactly(1)))) == [1])
                guard case .conflict = try await client.append(append(0, .exactly(0))) else {
                    Issue.record("no conflict")
                    return
                }
            }
            // Of those that come together, too.
            let refused = Task { try await client.append(append(1, .any)) }
            let checked = Task { try await client.append(append(0, .exactly(1))) }
            await #expect(throws: EventLogError.self) { _ = try await refused.value }
            #expect(versions(try await checked.value) == [1])
            try outsider.end()
            try await eventually("appends are taken again", within: .seconds(60)) {
                // Refusals are what is waited out here.
                (try? await client.append(append(1, .exactly(1)))).flatMap(versions) == [2]
            }
        }
    }
}

/// A program that holds the write lock of a database.
private struct Outsider {
    private let process = Process()
    private let input = Pipe()

    /// Takes the lock, and makes a file when it has it.
    init(_ path: String, telling file: String) async throws {
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["sqlite3", path]
        process.standardInput = input
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: Data("BEGIN IMMEDIATE;\n.shell touch '\(file)'\n".utf8))
        try await eventually("the lock is held", within: .seconds(60)) { FileManager.default.fileExists(atPath: file) }
    }

    /// Gives the lock back.
    func end() throws {
        try input.fileHandleForWriting.write(contentsOf: Data("ROLLBACK;\n.quit\n".utf8))
        process.waitUntilExit()
    }
}

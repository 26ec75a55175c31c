import EventLogProtocol
import EventLogService
import EventSourcing
import Testing
import ZeroMQ

/// Whoever has much to do at once loses no reply by that, although what is on its way to one peer is bounded.
@Suite struct AppendReplyTests {
    /// The most requests of one flush, in messages of as many as there may be.
    private static let requests = 1024

    /// Records have the longest topics: they are large, though what is appended is not.
    private let stream = StreamID(
        category: String(repeating: "c", count: 32), name: String(repeating: "n", count: 128))!

    private func events(_ count: Int) -> [NewEvent] {
        (0..<count).map { _ in
            NewEvent(
                id: UniqueID.version7(at: .now()), type: String(repeating: "T", count: 64), schemaVersion: 1,
                data: Array("1".utf8))
        }
    }

    private func append(_ count: Int, _ expected: ExpectedVersion, under key: CommandKey? = nil) -> AppendRequest {
        AppendRequest(
            command: key, writes: [StreamWrite(stream: stream, expected: expected, events: events(count))])
    }

    private func key(keeping outcome: Int = 0) -> CommandKey {
        CommandKey(
            key: Array("k".utf8), fingerprint: Digest256(1, 0, 0, 0), outcome: [UInt8](repeating: 7, count: outcome))
    }

    /// Sends an append as often as there may be requests in one flush, and takes the replies when the log has made them.
    private func replies(
        to request: AppendRequest, _ client: EventLogClient, at place: Place
    ) async throws -> [(number: UInt64, reply: LogReply)] {
        let context = try Context()
        let reader = LateReader(on: try SocketLoop(name: "late", context: context))
        let other = StreamWrite(
            stream: StreamID(category: "tally", name: "t")!, expected: .any, events: events(AppendRequest.maxEvents / 2)
        )
        // While the log is busy with the first, all others come.
        let message = Array(repeating: LogRequest.append(request), count: 64)
        try await reader.ask(
            [[.append(AppendRequest(writes: [other]))]] + Array(repeating: message, count: Self.requests / 64),
            at: place.endpoints.append)
        _ = try await client.append(AppendRequest(writes: [StreamWrite(stream: stream, expected: .any, events: [])]))
        let replies = try await reader.replies()
        await reader.close()
        await context.close()
        #expect(replies.map(\.number).sorted() == Array(1...UInt64(Self.requests + 1)), "each has one reply")
        return replies.filter { $0.number > 1 }
    }

    /// Whether the log says that nothing was done, and that it may be asked for again.
    private func isPutOff(_ reply: LogReply) -> Bool {
        if case .refusal(let refusal) = reply { refusal.code == .overloaded } else { false }
    }

    @Test func `each of many appends gets its conflict, however much it missed`() async throws {
        try await withLog(timeout: .seconds(60)) { client, place in
            _ = try await client.append(append(100, .exactly(0)))
            let replies = try await replies(to: append(1, .exactly(0)), client, at: place)
            var shown: [Int] = []
            for (_, reply) in replies where !isPutOff(reply) {
                guard case .append(.conflict(let conflict)) = reply else {
                    Issue.record("expected a conflict, found \(reply)")
                    return
                }
                shown.append(conflict.streams[0].missed.count)
            }
            #expect(shown.contains(100))
            #expect(try await client.readStream(stream, after: 0, limit: ReadLimit(events: 1)).version == 100)
        }
    }

    @Test func `the outcome of a key is sent within the limit of replies, and the others are put off`() async throws {
        try await withLog(timeout: .seconds(60)) { client, place in
            guard case .committed(let commit) = try await client.append(append(1, .any, under: key(keeping: 65_536)))
            else {
                Issue.record("the first is recorded")
                return
            }
            let replies = try await replies(to: append(1, .any, under: key()), client, at: place)
            let answered = replies.filter { !isPutOff($0.reply) }
            #expect(answered.count > 10 && answered.count < replies.count)
            for (_, reply) in answered {
                guard case .append(.replayed(let outcome)) = reply else {
                    Issue.record("expected the first outcome, found \(reply)")
                    return
                }
                #expect(outcome.commit == commit)
            }
            // Whoever was put off asks again.
            guard case .replayed = try await client.append(append(1, .any, under: key())) else {
                Issue.record("expected the first outcome")
                return
            }
        }
    }
}

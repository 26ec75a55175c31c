import EventLogProtocol
import EventLogService
import EventSourcing
import Logging
import SQLiteEventStore
import ServiceLifecycle
import Testing
import ZeroMQ

@Suite struct EventLogServiceTests {
    private func append(_ number: Int) -> AppendRequest {
        let event = NewEvent(
            id: UniqueID.version7(at: .now()), type: "Counted", schemaVersion: 1, data: Array("{\"by\":1}".utf8))
        return AppendRequest(
            writes: [
                StreamWrite(stream: StreamID(category: "tally", name: "t-\(number)")!, expected: .any, events: [event])
            ])
    }

    @Test func `a client that reads late gets every reply, also those that its queue had no room for`() async throws {
        try await withLog { client, place in
            let large = NewEvent(
                id: UniqueID.version7(at: .now()), type: "Counted", schemaVersion: 1,
                data: Array("\"\(String(repeating: "x", count: 100_000))\"".utf8))
            _ = try await client.append(
                AppendRequest(
                    writes: [
                        StreamWrite(stream: StreamID(category: "tally", name: "t")!, expected: .any, events: [large])
                    ]))
            let context = try Context()
            let reader = LateReader(on: try SocketLoop(name: "late", context: context))
            // 30 MB of replies: far more than sockets and queues between the two hold.
            let read = LogRequest.readLog(after: 0, limit: ReadLimit(events: 1))
            try await reader.ask(Array(repeating: [read], count: 300), at: place.endpoints.read)
            // While they wait there, others are served.
            #expect(try await client.status().head.position == 1)
            #expect(try await reader.replies().map(\.number) == Array(1...300))
            await reader.close()
            await context.close()
        }
    }

    @Test func `I2, I3: appends at once are committed in batches, positions without gaps, in the order of the log`()
        async throws
    {
        try await withLog { client, _ in
            let positions = try await withThrowingTaskGroup(of: UInt64.self) { appends in
                for number in 0..<2000 {
                    appends.addTask {
                        guard case .committed(let commit) = try await client.append(append(number % 50)) else {
                            return 0
                        }
                        return commit.position
                    }
                }
                return try await appends.reduce(into: []) { $0.append($1) }
            }
            #expect(positions.sorted() == Array(1...2000))
            let page = try await client.readLog(after: 0, limit: ReadLimit(events: 5000))
            #expect(page.records.map(\.position) == Array(1...2000))
            #expect(page.status.head.position == 2000)
            var hash = HashChain.genesis(of: page.status.logID)
            for record in page.records {
                #expect(HashChain.hash(of: record, after: hash, in: page.status.logID) == record.hash)
                hash = record.hash
            }
        }
    }

    @Test func `I4: a key has one outcome, whoever asks`() async throws {
        try await withLog { client, _ in
            let stream = StreamID(category: "tally", name: "t")!
            func keyed(_ fingerprint: UInt64) -> AppendRequest {
                AppendRequest(
                    command: CommandKey(
                        key: Array("k".utf8), fingerprint: Digest256(fingerprint, 0, 0, 0), outcome: [1, 2]),
                    writes: append(0).writes.map {
                        StreamWrite(stream: stream, expected: $0.expected, events: $0.events)
                    })
            }
            guard case .committed(let commit) = try await client.append(keyed(1)) else {
                Issue.record("the first is obeyed")
                return
            }
            let expected = KeyedOutcome(streams: [stream], commit: commit, outcome: [1, 2])
            #expect(try await client.append(keyed(1)) == .replayed(expected))
            #expect(try await client.append(keyed(2)) == .keyReused)
            #expect(
                try await client.outcome(of: Array("k".utf8), in: stream)
                    == BoundOutcome(fingerprint: Digest256(1, 0, 0, 0), outcome: expected))
            #expect(try await client.outcome(of: Array("x".utf8), in: stream) == nil)
            #expect(try await client.status().head.position == 1)
        }
    }

    @Test func `a client without a log is told at once that nothing was sent`() async throws {
        let place = try Place()
        defer { place.remove() }
        let context = try Context()
        let loop = try SocketLoop(name: "client", context: context)
        let client = EventLogClient(place.address, on: loop)
        try await client.connect()
        let error = await #expect(throws: EventLogError.self) { () async throws in
            _ = try await client.append(append(1))
        }
        #expect(error?.code == .unavailable)
        let begun = ContinuousClock.now
        let late = await #expect(throws: EventLogError.self) { try await client.connect(within: .milliseconds(200)) }
        #expect(late?.reason.contains(place.endpoints.read) == true)
        #expect(.now - begun >= .milliseconds(190))
        await client.close()
        await loop.close()
        #expect(await context.close())
    }

    @Test func `a client that waits for a log goes on when it is there`() async throws {
        let place = try Place()
        defer { place.remove() }
        let context = try Context()
        let loop = try SocketLoop(name: "client", context: context)
        let client = EventLogClient(place.address, on: loop)
        let connecting = Task { try await client.connect(within: .seconds(20)) }
        let service = try EventLogService(
            store: try SQLiteEventStore(path: place.path("log.db")), endpoints: place.endpoints, context: context,
            logger: quiet)
        try await running([service]) {
            try await connecting.value
            guard case .committed = try await client.append(append(1)) else {
                Issue.record("not committed")
                return
            }
        }
        await client.close()
        await loop.close()
        #expect(await context.close())
    }
}

import EventLogProtocol
import EventLogService
import EventSourcing
import Foundation
import ServiceSupport
import Synchronization
import TestSupport
import Testing
import ZeroMQ

/// The log over a store that is far away: nobody waits for it but those whose writes it has.
@Suite(.timeLimit(.minutes(3))) struct FarStoreTests {
    private let stream = StreamID(category: "tally", name: "t")!

    private func append(to name: String = "t", _ expected: ExpectedVersion = .any, events: Int = 1) -> AppendRequest {
        let events = (0..<events).map { _ in
            NewEvent(id: .version7(at: .now()), type: "Counted", schemaVersion: 1, data: Array("{\"by\":1}".utf8))
        }
        let stream = StreamID(category: "tally", name: name)!
        return AppendRequest(writes: [StreamWrite(stream: stream, expected: expected, events: events)])
    }

    private func position(_ result: AppendResult) -> UInt64? {
        if case .committed(let commit) = result { commit.position } else { nil }
    }

    private func withFarLog(
        _ body: (EventLogClient, HeldStore, EventLogService, HeartbeatListener, Place) async throws -> Void
    ) async throws {
        let place = try Place()
        defer { place.remove() }
        let context = try Context()
        let store = try HeldStore(path: place.path("log.db"))
        let service = try EventLogService(
            store: store, endpoints: place.endpoints, context: context, logger: quiet)
        try await running([service]) {
            let loop = try SocketLoop(name: "client", context: context)
            var address = place.address
            address.timeout = .seconds(60)
            let client = EventLogClient(address, on: loop)
            try await client.connect(within: .seconds(20))
            let listener = HeartbeatListener(on: try SocketLoop(name: "listener", context: context))
            try await listener.listen(at: place.endpoints.events)
            try await eventually("a subscriber is greeted", within: .seconds(60)) {
                await !listener.heartbeats.isEmpty
            }
            try await body(client, store, service, listener, place)
            store.writes.releaseAll()
            await listener.close()
            await client.close()
            await loop.close()
        }
        #expect(await context.close())
    }

    private func underWay(_ count: Int, _ store: HeldStore) async throws {
        try await eventually("\(count) writes are under way", within: .seconds(60)) {
            store.writes.countUnderWay == count
        }
    }

    /// Sends requests in one message, so that they are one batch, which is under way when `body` is called; gives the
    /// replies.
    private func inOneBatch(
        _ requests: [AppendRequest], _ store: HeldStore, at endpoint: String, _ body: () async throws -> Void
    ) async throws -> [LogReply] {
        let context = try Context()
        let sender = LateReader(on: try SocketLoop(name: "sender", context: context))
        store.writes.hold()
        try await sender.ask([requests.map { .append($0) }], at: endpoint)
        try await underWay(1, store)
        #expect(store.writes.begun.last == "append \(requests.count)")
        try await body()
        let replies = try await sender.replies().sorted { $0.number < $1.number }.map(\.reply)
        await sender.close()
        await context.close()
        #expect(replies.count == requests.count)
        return replies
    }

    private func refusal(_ reply: LogReply) -> LogRefusal? {
        if case .refusal(let refusal) = reply { refusal } else { nil }
    }

    @Test func `heartbeats, greetings and reads go on while a write is under way for seconds`() async throws {
        try await withFarLog { client, store, _, listener, _ in
            store.writes.hold()
            let written = Task { try await client.append(append()) }
            try await underWay(1, store)
            let before = await listener.heartbeats.count
            // One each 500 ms: so it takes two seconds.
            try await eventually("four more heartbeats", within: .seconds(60)) {
                await listener.heartbeats.count >= before + 4
            }
            let status = try await client.status()
            #expect(status.head.position == 0 && status.epoch == 7)
            #expect(await listener.epochs == [7])
            #expect(store.writes.countUnderWay == 1)
            #expect(await listener.events.isEmpty)
            store.writes.release()
            #expect(position(try await written.value) == 1)
            try await eventually("it is published", within: .seconds(60)) { await listener.events == [1] }
            #expect(await listener.heartbeats.prefix(before + 4).allSatisfy { $0 == 0 })
        }
    }

    @Test func `two writes are under way, the rest gathers, and answers and events keep the order`() async throws {
        try await withFarLog { client, store, _, listener, _ in
            store.writes.hold()
            let first = Task { try await client.append(append()) }
            try await underWay(1, store)
            let second = Task { try await client.append(append()) }
            try await underWay(2, store)
            let rest = (0..<10).map { _ in Task { try await client.append(append()) } }
            let before = await listener.heartbeats.count
            try await eventually("time passes", within: .seconds(60)) { await listener.heartbeats.count > before + 1 }
            #expect(store.writes.begun == ["append 1", "append 1"])

            store.writes.release()
            #expect(position(try await first.value) == 1)
            try await underWay(2, store)
            store.writes.releaseAll()
            #expect(position(try await second.value) == 2)
            var positions: [UInt64?] = []
            for task in rest { positions.append(position(try await task.value)) }
            #expect(positions.compactMap(\.self).sorted() == Array(3...12))
            #expect(store.writes.begun.count < 12, "waiting appends gather: \(store.writes.begun)")
            try await eventually("all are published", within: .seconds(60)) {
                await listener.events == Array(1...12)
            }
        }
    }

    @Test func `a write that ends before an earlier one is answered after it`() async throws {
        try await withFarLog { client, store, _, listener, _ in
            store.writes.hold()
            let first = Task { try await client.append(append()) }
            try await underWay(1, store)
            let second = Task { try await client.append(append()) }
            try await underWay(2, store)
            store.writes.endNewest(with: .obstructed(StoreObstacle(.busy, "the database is busy")))
            let before = await listener.heartbeats.count
            try await eventually("time passes", within: .seconds(60)) { await listener.heartbeats.count > before }
            store.writes.releaseAll()
            #expect(position(try await first.value) == 1)
            #expect(await Self.error(second)?.reason.contains("the database is busy") == true)
        }
    }

    @Test func `what stands on the state is not answered once the lease has ended, what is recorded is`() async throws {
        try await withFarLog { client, store, service, _, place in
            let requests = [append(), append(.exactly(5)), append(to: "other", .exactly(0), events: 0)]
            let replies = try await inOneBatch(requests, store, at: place.endpoints.append) {
                store.writes.setLease(StoreLease(epoch: 7, end: .now - .milliseconds(1)))
                store.writes.releaseAll()
            }
            guard replies.count == 3, case .append(.committed) = replies[0] else {
                Issue.record("what is recorded is answered: \(replies)")
                return
            }
            for reply in replies[1...] {
                let refusal = refusal(reply)
                #expect(refusal?.code == .notLeader && refusal?.reason.contains("not certain that it leads") == true)
            }
            // Nor reads.
            let status = await #expect(throws: EventLogError.self) { try await client.status() }
            #expect(status?.reason.contains("not certain that it leads") == true)
            #expect(await service.readiness().missing == ["the log is not certain that it leads"])

            store.writes.setLease(StoreLease(epoch: 8, end: .now + .seconds(300)))
            guard case .conflict = try await client.append(append(.exactly(5))) else {
                Issue.record("no conflict")
                return
            }
            #expect(try await client.status().head.position == 1)
            #expect(await service.readiness().missing.isEmpty)
        }
    }

    private static func error(_ answer: Task<AppendResult, any Error>) async -> EventLogError? {
        await #expect(throws: EventLogError.self) { _ = try await answer.value }
    }

    @Test func `a read during which the lease ends, or becomes another, is not answered`() async throws {
        try await withFarLog { client, store, _, _, _ in
            _ = try await client.append(append())
            for lease in [nil, StoreLease(epoch: 8, end: nil)] {
                store.whenRead.withLock { $0 = { store.writes.setLease(lease) } }
                let error = await #expect(throws: EventLogError.self) {
                    try await client.readStream(stream, after: 0, limit: ReadLimit(events: 10))
                }
                #expect(error?.reason.contains("not certain that it leads") == true)
                store.writes.setLease(StoreLease(epoch: 7, end: nil))
            }
            store.whenRead.withLock { $0 = nil }
            #expect(try await client.readStream(stream, after: 0, limit: ReadLimit(events: 10)).version == 1)
        }
    }

    @Test func `no heartbeat says how the log stands without a lease`() async throws {
        try await withFarLog { _, store, service, listener, _ in
            store.writes.setDelay("nobody knows")
            store.writes.setLease(nil)
            #expect(await service.readiness().missing == ["the store has not answered yet: nobody knows"])
            // One may be on its way still.
            let before = await listener.heartbeats.count
            try await Task.sleep(for: .seconds(2))
            #expect(await listener.heartbeats.count <= before + 1)
            store.writes.setLease(StoreLease(epoch: 7, end: nil))
            try await eventually("heartbeats go on", within: .seconds(60)) {
                await listener.heartbeats.count > before + 1
            }
        }
    }

    @Test func `snapshots are kept and dropped in their order, between appends`() async throws {
        try await withFarLog { client, store, _, _, _ in
            guard case .committed(let commit) = try await client.append(append()) else { return }
            let event = try #require(
                try await client.readStream(stream, after: 0, limit: ReadLimit(events: 1)).events.first)
            let snapshot = Snapshot(
                stream: stream, version: 1, lastEvent: event.event.id, createdAt: commit.recordedAt,
                updatedAt: commit.recordedAt, fingerprint: Digest256(1, 2, 3, 4), state: [1])
            func kept() async throws -> Snapshot? {
                try await client.loadStream(
                    stream, fingerprint: snapshot.fingerprint, upTo: 1, limit: ReadLimit(events: 1)
                ).snapshot
            }
            store.writes.hold()
            let appended = [Task { try await client.append(append()) }]
            try await underWay(1, store)
            async let first = client.keep(snapshot)
            async let second: Void = client.drop(snapshot)
            try await eventually("a snapshot is under way", within: .seconds(60)) { store.writes.begun.count >= 3 }
            store.writes.releaseAll()
            for task in appended { #expect(position(try await task.value) == 2) }
            #expect(try await first)
            try await second
            #expect(try await kept() == nil, "it was dropped after it was kept")
            #expect(try await client.keep(snapshot))
            #expect(try await kept() == snapshot)
            #expect(store.writes.begun.suffix(4) == ["append 1", "keep 1", "drop", "keep 1"])
        }
    }

    @Test func `an obstacle refuses what writes, answers checks, and goes away by a probe`() async throws {
        try await withFarLog { client, store, service, _, place in
            let requests = [append(), append(to: "other", .exactly(0), events: 0)]
            let replies = try await inOneBatch(requests, store, at: place.endpoints.append) {
                store.writes.release(with: .obstructed(StoreObstacle(.unavailable, "the database is away")))
                try await eventually("the check is asked again", within: .seconds(60)) {
                    store.writes.begun.last == "append 1"
                }
                #expect(
                    await service.readiness().missing == ["the store takes no writes: the database is away"])
                store.writes.release()
            }
            guard replies.count == 2, case .append(.committed) = replies[1] else {
                Issue.record("the check holds: \(replies)")
                return
            }
            #expect(refusal(replies[0])?.reason.contains("cannot write now: the database is away") == true)
            // Refused without a try.
            let later = Task { try await client.append(append()) }
            #expect(await Self.error(later)?.code == .unavailable)
            try await eventually("it is tried again", within: .seconds(60)) { store.writes.begun.last == "probe" }
            store.writes.releaseAll()
            try await eventually("appends are taken again", within: .seconds(60)) {
                // Refusals are what is waited out here.
                (try? await client.append(append())).flatMap(position) == 1
            }
        }
    }

    /// Runs a log, and stops it while an append is under way; gives what came of the append.
    ///
    /// - Parameter beforeStop: is called right before the log is stopped.
    private func appendUnderWayAtStop(
        _ beforeStop: (HeldStore) -> Void = { _ in }
    ) async throws -> Result<AppendResult, any Error>? {
        let place = try Place()
        defer { place.remove() }
        let context = try Context()
        let store = try HeldStore(path: place.path("log.db"))
        let service = try EventLogService(store: store, endpoints: place.endpoints, context: context, logger: quiet)
        let loop = try SocketLoop(name: "client", context: context)
        let client = EventLogClient(place.address, on: loop)
        var written: Task<AppendResult, any Error>?
        try await running([service]) {
            try await client.connect(within: .seconds(20))
            store.writes.hold()
            written = Task { try await client.append(append()) }
            try await underWay(1, store)
            beforeStop(store)
        }
        let result = await written?.result
        await client.close()
        await loop.close()
        #expect(await context.close())
        return result
    }

    @Test func `a store that does not answer does not keep the service from stopping`() async throws {
        let result = try #require(try await appendUnderWayAtStop())
        let error = #expect(throws: EventLogError.self) { try result.get() }
        #expect(error?.code == .outcomeUnknown)
    }

    @Test func `what was accepted before the stop is answered, what comes later refused`() async throws {
        let result = try #require(
            try await appendUnderWayAtStop { store in
                Task {
                    // It stops meanwhile.
                    try await Task.sleep(for: .milliseconds(200))
                    store.writes.releaseAll()
                }
            })
        #expect(position(try result.get()) == 1)
    }
}

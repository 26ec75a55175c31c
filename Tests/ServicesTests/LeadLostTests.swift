import EventLogProtocol
import EventLogService
import EventSourcing
import Glibc
import ServiceLifecycle
import ServiceSupport
import Synchronization
import TestSupport
import Testing
import ZeroMQ

/// A log that loses the lead answers nothing more, stands by in the same process, and serves again when its turn comes.
@Suite(.timeLimit(.minutes(3))) struct LeadLostTests {
    /// Opens the log of one file again and again, as the test allows.
    private final class Opener: Sendable {
        private struct State {
            var isAllowed = true
            var attempts = 0
            var stores: [HeldStore] = []
        }

        private let path: String
        private let state = Mutex(State())

        init(_ path: String) { self.path = path }

        var attempts: Int { state.withLock { $0.attempts } }
        var last: HeldStore? { state.withLock { $0.stores.last } }
        func allow(_ isAllowed: Bool) { state.withLock { $0.isAllowed = isAllowed } }

        func open() throws -> any EventStore {
            let isAllowed = state.withLock { state in
                state.attempts += 1
                return state.isAllowed
            }
            guard isAllowed else { throw StoreObstacle(.standby, "another program leads the log") }
            let store = try HeldStore(path: path)
            state.withLock { $0.stores.append(store) }
            return store
        }
    }

    private func append(_ count: Int = 1) -> AppendRequest {
        let events = (0..<count).map { _ in
            NewEvent(id: .version7(at: .now()), type: "Counted", schemaVersion: 1, data: Array("{\"by\":1}".utf8))
        }
        let stream = StreamID(category: "tally", name: "t")!
        return AppendRequest(writes: [StreamWrite(stream: stream, expected: .any, events: events)])
    }

    private func withOpeningLog(
        _ body: (EventLogClient, Opener, OpeningEventLog, Place) async throws -> Void
    ) async throws {
        let place = try Place()
        defer { place.remove() }
        let context = try Context()
        let opener = Opener(place.path("log.db"))
        let log = try OpeningEventLog(logger: quiet) {
            try opener.open()
        } serve: {
            try EventLogService(store: $0, endpoints: place.endpoints, context: context, logger: quiet)
        }
        try await running([log]) {
            let loop = try SocketLoop(name: "client", context: context)
            var address = place.address
            address.timeout = .seconds(60)
            let client = EventLogClient(address, on: loop)
            try await client.connect(within: .seconds(20))
            try await body(client, opener, log, place)
            opener.last?.writes.releaseAll()
            await client.close()
            await loop.close()
        }
        #expect(await context.close())
    }

    private func becomesStandby(_ log: OpeningEventLog) async throws {
        try await eventually("it stands by", within: .seconds(60)) {
            await log.readiness().missing == ["standby: another program leads the log"]
        }
    }

    private func serves(_ client: EventLogClient) async throws {
        try await eventually("appends are taken", within: .seconds(60)) {
            // It is not reachable, or refuses, until then.
            (try? await client.append(append())) != nil
        }
    }

    @Test func `it closes its sockets, stands by, and serves again`() async throws {
        try await withOpeningLog { client, opener, log, _ in
            _ = try await client.append(append())
            #expect(await log.readiness().missing.isEmpty)
            #expect(await log.readiness().figures.contains { $0.name == "leader" && $0.value == 1 })
            opener.allow(false)
            opener.last?.writes.end(by: LeadLost("another program leads the log now"))
            try await becomesStandby(log)
            #expect(await log.readiness().figures.contains { $0.name == "leader" && $0.value == 0 })
            let attempts = opener.attempts
            try await eventually("it tries again", within: .seconds(60)) { opener.attempts > attempts + 2 }
            let error = await #expect(throws: EventLogError.self) { _ = try await client.append(append()) }
            #expect(error?.code == .unavailable)

            opener.allow(true)
            try await serves(client)
            // Its connection for reads may be made a little later than that for appends.
            try await eventually("it is read", within: .seconds(60)) {
                // An error is the connection that is not there yet.
                (try? await client.status())?.head.position == 2
            }
            #expect(await log.readiness().missing.isEmpty)
        }
    }

    @Test func `waiting requests are refused, those under way get no answer`() async throws {
        try await withOpeningLog { client, opener, log, _ in
            let store = try #require(opener.last)
            store.writes.hold()
            var underWay: [Task<AppendResult, any Error>] = []
            for count in 1...2 {
                underWay.append(Task { try await client.append(append()) })
                try await eventually("\(count) are under way", within: .seconds(60)) {
                    store.writes.countUnderWay == count
                }
            }
            // These wait in the socket, which is not read: there is no notification when they are there.
            let waiting = (0..<3).map { _ in Task { try await client.append(append()) } }
            try await Task.sleep(for: .seconds(1))
            #expect(store.writes.countUnderWay == 2)
            opener.allow(false)
            store.writes.release(with: .failed(LeadLost("another program leads the log now")))
            for task in waiting {
                let error = await #expect(throws: EventLogError.self) { _ = try await task.value }
                // On a very slow machine some may come too late to be refused.
                #expect(error?.code == .outcomeUnknown || error?.reason == "another log leads now")
            }
            for task in underWay {
                let error = await #expect(throws: EventLogError.self) { _ = try await task.value }
                #expect(error?.code == .outcomeUnknown)
            }
            try await becomesStandby(log)
            opener.allow(true)
            try await serves(client)
        }
    }

    @Test func `any other failure ends the service with its line`() async throws {
        let place = try Place()
        defer { place.remove() }
        let context = try Context()
        let opener = Opener(place.path("log.db"))
        let log = try OpeningEventLog(logger: quiet) {
            try opener.open()
        } serve: {
            try EventLogService(store: $0, endpoints: place.endpoints, context: context, logger: quiet)
        }
        let group = ServiceGroup(configuration: .init(services: [log], logger: quiet))
        let run = Task { try await group.run() }
        try await eventually("it serves", within: .seconds(60)) { await log.readiness().missing.isEmpty }
        opener.last?.writes.end(by: StoreFailure())
        let error = await #expect(throws: ServiceFailure.self) { try await run.value }
        #expect(error?.description == "the event log stops: the disk is on fire")
        #expect(await context.close())
    }

    private struct StoreFailure: Error, CustomStringConvertible {
        var description: String { "the disk is on fire" }
    }

    @Test func `it can be stopped while it stands by, and while a store that is far away is being opened`() async throws
    {
        let place = try Place()
        defer { place.remove() }
        let context = try Context()
        for isSlow in [false, true] {
            let log = try OpeningEventLog(opensAtOnce: false, logger: quiet) {
                // Longer than any test: nobody waits for it.
                while isSlow { sleep(3600) }
                throw StoreObstacle(.standby, "another program leads the log")
            } serve: {
                try EventLogService(store: $0, endpoints: place.endpoints, context: context, logger: quiet)
            }
            try await running([log]) {
                try await eventually("it waits", within: .seconds(60)) {
                    let missing = await log.readiness().missing
                    return missing == [
                        isSlow ? "the store is being opened" : "standby: another program leads the log"
                    ]
                }
            }
        }
        #expect(await context.close())
    }
}

import EventLogProtocol
import EventSourcing
import TestSupport
import Testing

@testable import QueryService

/// A record that a projection cannot apply stops it: nothing is skipped.
@Suite struct PoisonRecordTests {
    private let host = ProjectionHost<Sum>(logger: silence)

    init() {
        host.begin(after: .beginning)
        host.reaches(0)
    }

    private var poisoned: [RecordedEvent] {
        [record(1), record(2), record(3, data: "poison"), record(4), record(5)]
    }

    @Test func `the projection stops before it, and what it holds is shown as stale`() async throws {
        host.consume(Array(poisoned[..<2]))
        #expect(try await host.sum(atLeast: 2).isStale == false)
        host.consume(Array(poisoned[2...]))
        host.reaches(5)
        let failure = try #require(host.status.failure)
        #expect(failure == RevisionError(poisoned[2], "no number"))
        #expect(failure.description == "cannot apply position 3 (version 3 of test/a): no number")
        #expect(host.status.position == 2)
        #expect(!host.status.isLive)
        let reading = try await host.sum(atLeast: 2)
        #expect(reading.position == 2)
        #expect(reading.value == sum(to: 2))
        #expect(reading.isStale)
        #expect(try await host.read(atLeast: 0, patience: .zero) { model, _ in model.positions }.value == [1, 2])
    }

    @Test(.timeLimit(.minutes(1))) func `whoever waits is woken at once, and nobody waits later`() async throws {
        let waiting = (3...6 as ClosedRange<UInt64>).map { position in
            Task { try await host.sum(atLeast: position, patience: .seconds(3600)) }
        }
        try await eventually("readers wait") { host.waiting == 4 }
        host.consume(poisoned)
        for task in waiting {
            await #expect(throws: ProjectionHost<Sum>.ReadFailure.notCaughtUp(position: 2)) { try await task.value }
        }
        await #expect(throws: ProjectionHost<Sum>.ReadFailure.notCaughtUp(position: 2)) {
            try await host.sum(atLeast: 3, patience: .seconds(3600))
        }
        #expect(host.waiting == 0)
    }

    @Test func `one that stops before it ever caught up shows what it has, as stale`() async throws {
        let host = ProjectionHost<Sum>(logger: silence)
        host.begin(after: .beginning)
        host.consume(poisoned)
        host.reaches(5, isLive: false)
        let reading = try await host.sum(atLeast: 0)
        #expect(reading.position == 2)
        #expect(reading.isStale)
    }

    @Test func `a poison record as the very first leaves nothing to show, but says so`() async throws {
        host.consume([record(1, data: "poison")])
        let reading = try await host.sum(atLeast: 0)
        #expect(reading.position == 0)
        #expect(reading.value == 0)
        #expect(reading.isStale)
        #expect(host.status.failure?.position == 1)
    }

    @Test func `another projection of the same log goes on`() async throws {
        let count = ProjectionHost<Count>(logger: silence)
        let set = ProjectionSet([host, count], logger: silence)
        #expect(set.begin(loadingFrom: nil) == .beginning)
        set.consume(poisoned)
        set.followed(isLive: true, at: checkpoint(5), head: 5)
        #expect(host.status.failure?.position == 3)
        #expect(count.status.failure == nil)
        #expect(count.status.isLive)
        let reading = try await count.read(atLeast: 5, patience: .zero) { model, _ in model.count }
        #expect(reading.value == 5)
        #expect(!reading.isStale)
    }

    @Test func `begun again, on a log without the poison, it is as new`() async throws {
        host.consume(poisoned)
        host.restart()
        #expect(host.status.failure == nil)
        #expect(host.status.position == 0)
        #expect(!host.status.hasCaughtUp)
        await #expect(throws: ProjectionHost<Sum>.ReadFailure.notCaughtUp(position: 0)) {
            try await host.sum(atLeast: 0, patience: .milliseconds(5))
        }
        host.consume(records(1...5))
        host.reaches(5)
        let reading = try await host.sum(atLeast: 5)
        #expect(reading.value == sum(to: 5))
        #expect(!reading.isStale)
    }
}

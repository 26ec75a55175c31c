import EventLogProtocol
import EventSourcing
import TestSupport
import Testing

@testable import QueryService

/// What queries see of a projection, and how they wait for it.
@Suite struct ProjectionReadingTests {
    private typealias Failure = ProjectionHost<Sum>.ReadFailure

    private let host = ProjectionHost<Sum>(logger: silence)

    /// Begins an empty log of which everything is known.
    private func begin() {
        host.begin(after: .beginning)
        host.reaches(0)
    }

    @Test func `I7: before the log's head was reached once, nothing is shown`() async throws {
        host.begin(after: .beginning)
        host.consume(records(1...5))
        host.reaches(5, isLive: false)
        await #expect(throws: Failure.notCaughtUp(position: 5)) {
            try await host.sum(atLeast: 0, patience: .milliseconds(10))
        }
        let early = Task { try await host.sum(atLeast: 0) }
        try await eventually("a reader waits") { host.waiting == 1 }
        host.consume(records(6...9))
        #expect(host.waiting == 1)
        host.reaches(9)
        #expect(try await early.value.position == 9)
        #expect(try await host.sum(atLeast: 0).value == sum(to: 9))
        // A lag, or silence of the log, does not take back what was shown.
        host.reaches(9, isLive: false)
        #expect(try await host.sum(atLeast: 0).position == 9)
        #expect(!host.status.isLive)
    }

    @Test(.timeLimit(.minutes(1)))
    func `I7: each reader gets the position asked for or a newer one, and the state just there`() async throws {
        begin()
        let readings = try await withThrowingTaskGroup(of: (UInt64, UInt64, Int).self) { readers in
            for position in (1...300 as ClosedRange<UInt64>) {
                readers.addTask {
                    let reading = try await host.sum(atLeast: position)
                    return (position, reading.position, reading.value)
                }
            }
            try await eventually("readers wait") { host.waiting == 300 }
            var next: UInt64 = 1
            for count in [1, 2, 30, 64, 65, 138] as [UInt64] {
                host.consume(records(next...(next + count - 1)))
                next += count
                // Whoever waits for more still waits.
                try await eventually("those that are served are gone") { host.waiting == Int(301 - next) }
            }
            return try await readers.reduce(into: []) { $0.append($1) }
        }
        #expect(readings.count == 300)
        for (asked, position, value) in readings {
            #expect(position >= asked)
            #expect(value == sum(to: position))
        }
    }

    @Test func `a position that is not reached in time ends in an error, with the position that was`() async throws {
        begin()
        host.consume(records(1...3))
        let start = ContinuousClock.now
        await #expect(throws: Failure.notCaughtUp(position: 3)) {
            try await host.sum(atLeast: 4, patience: .milliseconds(50))
        }
        #expect(.now - start >= .milliseconds(50))
        #expect(host.waiting == 0)
        await #expect(throws: Failure.notCaughtUp(position: 3)) {
            try await host.sum(atLeast: .max, patience: .zero)
        }
        #expect(host.waiting == 0)
    }

    @Test(.timeLimit(.minutes(1))) func `a reader who is cancelled waits no longer`() async throws {
        begin()
        let reader = Task { try await host.sum(atLeast: 9) }
        try await eventually("the reader waits") { host.waiting == 1 }
        reader.cancel()
        await #expect(throws: Failure.notCaughtUp(position: 0)) { try await reader.value }
        #expect(host.waiting == 0)
        let cancelledBefore = Task {
            withUnsafeCurrentTask { $0?.cancel() }
            return try await host.sum(atLeast: 9)
        }
        await #expect(throws: Failure.notCaughtUp(position: 0)) { try await cancelledBefore.value }
        #expect(host.waiting == 0)
    }

    @Test(.timeLimit(.minutes(2)))
    func `where too many wait, the next is refused at once, and those that wait are served`() async throws {
        begin()
        let most = 10_000
        let positions = try await withThrowingTaskGroup(of: UInt64.self) { readers in
            for _ in 0..<most { readers.addTask { try await host.sum(atLeast: 1).position } }
            try await eventually("as many wait as may", within: .seconds(60)) { host.waiting == most }
            await #expect(throws: Failure.overloaded) { try await host.sum(atLeast: 1) }
            #expect(host.waiting == most)
            // What is there already is had without waiting.
            #expect(try await host.sum(atLeast: 0).position == 0)
            host.consume(records(1...1))
            return try await readers.reduce(into: []) { $0.append($1) }
        }
        #expect(positions == [UInt64](repeating: 1, count: most))
        #expect(host.waiting == 0)
        #expect(try await host.sum(atLeast: 1).value == 1)
    }

    @Test func `an error of the query's own comes through`() async throws {
        struct Unanswerable: Error {}
        begin()
        await #expect(throws: Unanswerable.self) {
            _ = try await host.read(atLeast: 0, patience: .zero) { _, _ in throw Unanswerable() }
        }
        #expect(try await host.sum(atLeast: 0).value == 0)
    }

    @Test(arguments: [0, 1, 99, 100, 300, 5000])
    func `a window passes over what it would have let go of at the head, and holds the same in the end`(
        window: Int
    ) async throws {
        let host = ProjectionHost(window: window, logger: silence) { RecentEvents(limit: window, after: $0) }
        host.begin(after: .beginning)
        var expected = RecentEvents(limit: window)
        var next: UInt64 = 1
        for (count, head) in [(1, 1), (400, 1000), (130, 1000), (469, 1000), (1, 1001), (64, 1065)]
            as [(UInt64, UInt64)]
        {
            let part = records(next...(next + count - 1))
            next += count
            host.consume(part, head: head)
            for record in part { expected.apply(record) }
            #expect(host.status.position == next - 1)
        }
        host.reaches(1065)
        let held = try await host.read(atLeast: 1065, patience: .zero) { model, _ in
            (0...1065).map { model.records(after: $0, limit: 2000) }
        }
        #expect(held.value == (0...1065).map { expected.records(after: $0, limit: 2000) })
    }
}

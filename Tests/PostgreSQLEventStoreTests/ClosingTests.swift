import Dispatch
import EventSourcing
import Synchronization
import TestSupport
import Testing

@testable import PostgreSQLEventStore

@Suite("A log that is closed ends what was begun before, and nothing that is begun later")
struct ClosingTests {
    /// Begins the next write as soon as one has been recorded.
    private final class Writing: Sendable {
        let recorded = Mutex(0)
        let endings = Endings()
        let isOver = Atomic<Bool>(false)
        private let appender: any EventAppender
        private let stream: StreamID

        init(_ appender: any EventAppender, to stream: StreamID) {
            self.appender = appender
            self.stream = stream
        }

        func begin() {
            appender.begin(.append([append([event()], to: stream)])) { result in
                guard case .appended = result else { return self.endings.add(0)(result) }
                self.recorded.withLock { $0 += 1 }
                if !self.isOver.load(ordering: .acquiring) { self.begin() }
            }
        }
    }

    @Test func aWriterThatNeverStopsDoesNotKeepItOpen() async throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        let a = try stream("a")
        let writing = Writing(store.appender(), to: a)
        writing.begin()
        try await eventually("it writes", within: .seconds(60)) { writing.recorded.withLock { $0 > 10 } }
        let closed = DispatchGroup()
        DispatchQueue.global().async(group: closed) {
            do { try store.close() } catch { Issue.record(error) }
        }
        #expect(closed.wait(timeout: .now() + 60) == .success)
        writing.isOver.store(true, ordering: .releasing)
        closed.wait()
        // One was refused, and what was recorded is what was acknowledged.
        let last = try #require(writing.endings.all.first)
        guard case .failed(let error as PostgreSQLEventStoreError) = last.result else {
            throw TooLate(description: "it ended with \(last.result)")
        }
        #expect(error.code == .closed)
        #expect(writing.endings.all.count == 1)
        writing.begin()
        #expect(writing.endings.all.count == 2)
        let next = try PostgreSQLEventStore(database.string)
        #expect(try next.head().position == UInt64(writing.recorded.withLock { $0 }))
        try next.close()
    }

    @Test func whatWasBegunBeforeIsRecorded() throws {
        let database = try TestDatabase()
        let a = try stream("a")
        for round in 1...10 {
            let store = try PostgreSQLEventStore(database.string)
            let endings = Endings()
            let appender = store.appender()
            for number in 1...2 { appender.begin(.append([append([event()], to: a)]), completed: endings.add(number)) }
            try store.close()
            #expect(endings.all.map(\.number) == [1, 2])
            for ending in endings.all {
                guard case .committed = ending.result.firstResult else { throw TooLate(description: "\(ending)") }
            }
            let next = try PostgreSQLEventStore(database.string)
            #expect(try next.head().position == UInt64(2 * round))
            try next.close()
        }
    }
}

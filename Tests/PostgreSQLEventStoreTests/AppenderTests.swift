import EventSourcing
import Synchronization
import TestSupport
import Testing

@testable import PostgreSQLEventStore

/// What writes ended with, in the order in which they ended.
final class Endings: Sendable {
    private let results = Mutex<[(number: Int, result: StoreWriteResult)]>([])

    var all: [(number: Int, result: StoreWriteResult)] { results.withLock { $0 } }

    func add(_ number: Int) -> @Sendable (StoreWriteResult) -> Void {
        { result in self.results.withLock { $0.append((number, result)) } }
    }

    func wait(for count: Int) async throws {
        try await eventually("\(count) writes have ended", within: .seconds(60)) { all.count >= count }
    }
}

extension StoreWriteResult {
    /// The first answer of an append that was recorded.
    var firstResult: AppendResult? { if case .appended(let results, _) = self { results.first } else { nil } }
}

@Suite("Writes are begun without waiting, and end in their order")
struct AppenderTests {
    @Test func theSecondIsDecidedOnTheFirst() async throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        let appender = store.appender()
        #expect(appender.maxWritesUnderWay == 2)
        let a = try stream("a")
        let endings = Endings()
        for round in 0..<50 {
            for number in [2 * round, 2 * round + 1] {
                let write = StreamWrite(stream: a, expected: .exactly(UInt64(number)), events: [event()])
                appender.begin(.append([AppendRequest(writes: [write])]), completed: endings.add(number))
            }
            try await endings.wait(for: 2 * round + 2)
        }
        #expect(endings.all.map(\.number) == Array(0..<100))
        for (number, result) in endings.all {
            guard case .committed(let commit) = result.firstResult else {
                throw TooLate(description: "write \(number) ended with \(result)")
            }
            #expect(commit.position == UInt64(number) + 1)
        }
        #expect(try store.versions(of: a).count == 100)
        try store.close()
    }

    @Test func aKeyOfTheFirstIsKnownToTheSecond() async throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        let a = try stream("a")
        let endings = Endings()
        let appender = store.appender()
        appender.begin(.append([append([event()], to: a, under: "k")]), completed: endings.add(1))
        appender.begin(.append([append([event()], to: a, under: "k")]), completed: endings.add(2))
        try await endings.wait(for: 2)
        guard case .committed(let commit) = endings.all[0].result.firstResult,
            case .replayed(let outcome) = endings.all[1].result.firstResult
        else { throw TooLate(description: "\(endings.all)") }
        #expect(outcome.commit == commit)
        #expect(try store.versions(of: a) == [1])
        try store.close()
    }

    @Test func aConflictTellsWhatTheBatchBeforeHasRecorded() async throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        let a = try stream("a")
        let endings = Endings()
        let appender = store.appender()
        let stale = StreamWrite(stream: a, expected: .exactly(0), events: [event()])
        appender.begin(.append([append([event(), event()], to: a)]), completed: endings.add(1))
        appender.begin(.append([AppendRequest(writes: [stale])]), completed: endings.add(2))
        try await endings.wait(for: 2)
        guard case .conflict(let conflict) = endings.all[1].result.firstResult else {
            throw TooLate(description: "\(endings.all)")
        }
        let records = try store.readStream(a, after: 0, limit: ReadLimit(events: 10)).events
        #expect(conflict.streams.first?.actual == 2)
        #expect(conflict.streams.first?.missed == records)
        try store.close()
    }

    @Test(arguments: [1, 2])
    func endsOfTheServersProcessUnderLoadLeaveNothingOutAndNothingTwice(_ seed: UInt64) async throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        let appender = store.appender()
        let streams = try (0..<5).map { try stream("s\($0)") }
        let count = 300
        let endings = Endings()
        var begun = 0
        var answered = 0
        var generator = SeededGenerator(seed: seed)
        var again: [Int] = []
        var order: [Int] = []
        var committed: [Int: UInt64] = [:]
        func begin(_ number: Int) {
            let requests = (0..<3).map { append([event()], to: streams[(number + $0) % 5], under: "\(number)/\($0)") }
            appender.begin(.append(requests), completed: endings.add(number))
            begun += 1
            order.append(number)
        }
        var next = 0
        while committed.count < count {
            while begun - answered < 2, next < count || !again.isEmpty {
                if let number = again.popLast() {
                    begin(number)
                } else {
                    begin(next)
                    next += 1
                }
            }
            if Int.random(in: 0..<40, using: &generator) == 0 { try database.terminateSessions() }
            try await endings.wait(for: answered + 1)
            for (number, result) in endings.all[answered...] {
                switch result {
                case .appended(let results, _):
                    guard case .committed(let commit) = results[0] else {
                        throw TooLate(description: "an obstructed write of which something is recorded: \(results)")
                    }
                    committed[number] = commit.position
                case .obstructed: again.append(number)
                default: throw TooLate(description: "\(result)")
                }
                answered += 1
            }
        }
        let records = try store.readLog(after: 0, limit: ReadLimit(events: 10_000))
        #expect(records.count == count * 3)
        #expect(endings.all.map(\.number) == order)
        #expect(Set(committed.values).count == count)
        for (number, position) in committed {
            let outcome = try store.outcome(of: Array("\(number)/0".utf8), in: streams[number % 5])
            #expect(outcome?.outcome.commit.position == position)
        }
        try store.close()
    }

    @Test func aNewConnectionWhoseSettingsWouldLoseEventsIsNotUsed() async throws {
        let server = try PostgreSQLServer()
        var timeouts = Timeouts()
        timeouts.reconnection = .milliseconds(500)
        // Only a new connection looks.
        timeouts.settings = .seconds(600)
        let store = try PostgreSQLEventStore(server.local, timeouts: timeouts)
        let a = try stream("a")
        try store.add(to: a)
        let operatorOfServer = try Connection(ConnectionString(server.local))
        try operatorOfServer.set("fsync", to: "off")
        _ = try operatorOfServer.run(
            Statement(
                """
                SELECT pg_catalog.pg_terminate_backend(pid::integer, 10000)
                FROM (\(TestDatabase.writerQuery)) AS writer
                """, returning: [.bool]), within: .seconds(60))
        let obstacle = #expect(throws: StoreObstacle.self) { try store.add(to: a) }
        #expect(obstacle?.kind == .unavailable)
        #expect(obstacle?.description.contains("fsync") == true)
        #expect(store.appender().lease() == nil)
        try operatorOfServer.set("fsync", to: "on")
        try await eventually("writing goes on", within: .seconds(60)) {
            do { try store.add(to: a) } catch is StoreObstacle { return false }
            return true
        }
        #expect(try store.versions(of: a) == [1, 2])
        try store.close()
    }

    @Test func settingsThatWouldLoseEventsStopTheWriting() async throws {
        let server = try PostgreSQLServer()
        var timeouts = Timeouts()
        timeouts.settings = .milliseconds(50)
        let store = try PostgreSQLEventStore(server.local, timeouts: timeouts)
        #expect(store.report().isReplicated == false)
        let a = try stream("a")
        try store.add(to: a)
        let operatorOfServer = try Connection(ConnectionString(server.local))
        try operatorOfServer.set("fsync", to: "off")
        try await eventually("nothing is written", within: .seconds(60)) {
            do {
                try store.add(to: a)
            } catch let obstacle as StoreObstacle {
                return obstacle.kind == .unavailable && obstacle.description.contains("fsync")
            }
            return false
        }
        try operatorOfServer.set("fsync", to: "on")
        try await eventually("writing goes on", within: .seconds(60)) {
            do { try store.add(to: a) } catch is StoreObstacle { return false }
            return true
        }
        try store.close()
    }
}

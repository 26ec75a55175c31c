import Dispatch
import EventSourcing
import Foundation
import Synchronization
import TestSupport
import Testing

@testable import PostgreSQLEventStore

@Suite("Who may be deposed answers nobody")
struct LeaseTests {
    @Test func anIdleLeaderKeepsItsLease() async throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        let appender = store.appender()
        let lease = try #require(appender.lease())
        let first = try #require(lease.end)
        try await eventually("the lease is renewed twice", within: .seconds(60)) {
            (appender.lease()?.end).map { $0 > first + .milliseconds(900) } ?? false
        }
        #expect(appender.lease()?.epoch == lease.epoch)
        #expect(appender.delay == nil)
        try store.close()
        #expect(appender.lease() == nil)
    }

    /// Whether a leader whose server does not answer any more would answer others later than its lease.
    private func answersWhenFrozen(_ faults: Faults) async throws -> Bool {
        let database = try TestDatabase()
        var timeouts = Timeouts()
        // So that it does not connect anew before it is asked.
        timeouts.commit = .seconds(60)
        let store = try PostgreSQLEventStore(database.string, timeouts: timeouts, faults: faults)
        try store.add(to: stream("a"))
        let rows = try database.run(TestDatabase.writerQuery, returning: [.int8])
        let process = pid_t(try #require(rows.first?.integer(at: 0)))
        #expect(kill(process, SIGSTOP) == 0)
        defer { kill(process, SIGCONT) }
        let frozen = ContinuousClock.now
        let appender = store.appender()
        try await eventually("the lease must be over", within: .seconds(60)) { .now - frozen > Lease.length }
        let answers = appender.lease() != nil
        kill(process, SIGCONT)
        if !faults.hasEndlessLease {
            try await eventually("there is a lease again", within: .seconds(60)) { appender.lease() != nil }
            try store.add(to: stream("a"))
        }
        try store.close()
        return answers
    }

    @Test func theLeaseEndsIfTheServerDoesNotAnswer() async throws {
        #expect(try await !answersWhenFrozen(Faults()))
    }

    @Test func aLeaseThatDoesNotEndIsNoticed() async throws {
        #expect(try await answersWhenFrozen(Faults(hasEndlessLease: true)))
    }

    @Test func theEndOfTheConnectionEndsTheLeaseAtOnceAndANewOneBringsAnother() async throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        let appender = store.appender()
        let epoch = try #require(appender.lease()?.epoch)
        try database.terminateWriter()
        // A new one has a higher epoch: the old one is not there any more.
        #expect(appender.lease()?.epoch != epoch)
        try await eventually("there is a lease again", within: .seconds(60)) {
            appender.lease().map { $0.epoch > epoch } ?? false
        }
        try store.close()
    }

    @Test func aLeaderWithoutTheLockTakesItAlsoUnderLoad() async throws {
        let database = try TestDatabase()
        var timeouts = Timeouts()
        timeouts.settings = .milliseconds(50)
        let store = try PostgreSQLEventStore(database.string, timeouts: timeouts)
        let appender = store.appender()
        let epoch = try #require(appender.lease()?.epoch)
        let pid = try #require(try database.run(TestDatabase.writerQuery, returning: [.int8]).first?.integer(at: 0))
        // Another session has the lock when the leader connects anew.
        let other = try database.connect()
        let number = try other.send([
            Statement(
                "SELECT pg_catalog.pg_advisory_lock($1) IS NULL", [.integer(LeadLock.key)], returning: [.bool])
        ])
        try database.run(
            "SELECT pg_catalog.pg_terminate_backend($1::bigint::integer, 10000)", [.integer(pid)], returning: [.bool])
        _ = try other.outcome(of: number, until: .now + .seconds(60)).rows.get()
        try await eventually("there is a lease again", within: .seconds(60)) {
            appender.lease().map { $0.epoch > epoch } ?? false
        }
        let endings = Endings()
        var begun = 0
        let a = try stream("a")
        // Always something under way: no touch.
        func load() {
            while begun < endings.all.count + 2 {
                begun += 1
                appender.begin(.append([append([event()], to: a)]), completed: endings.add(begun))
            }
        }
        load()
        _ = try other.run(
            Statement("SELECT pg_catalog.pg_advisory_unlock($1)", [.integer(LeadLock.key)], returning: [.bool]),
            within: .seconds(60))
        try await eventually("the leader has the lock", within: .seconds(60)) {
            load()
            return try database.run(TestDatabase.writerQuery, returning: [.int8]).count == 1
        }
        try await endings.wait(for: begun)
        try store.close()
    }

    @Test func whoReadsDoesNotWaitForAServerThatIsGone() async throws {
        let database = try TestDatabase()
        var timeouts = Timeouts()
        timeouts.answer = .seconds(600)
        let store = try PostgreSQLEventStore(database.string, timeouts: timeouts)
        let a = try stream("a")
        try store.add(to: a)
        #expect(try store.versions(of: a) == [1])
        let rows = try database.run(
            """
            SELECT pid::bigint FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend'
                AND datname = pg_catalog.current_database() AND pid <> pg_catalog.pg_backend_pid()
            """, returning: [.int8])
        let processes = try (0..<rows.count).map { pid_t(try #require(rows[$0].integer(at: 0))) }
        for process in processes { #expect(kill(process, SIGSTOP) == 0) }
        defer { for process in processes { kill(process, SIGCONT) } }
        let group = DispatchGroup()
        DispatchQueue.global().async(group: group) {
            // By a new connection, or not at all.
            do { _ = try store.versions(of: a) } catch { #expect(error is StoreObstacle) }
        }
        #expect(group.wait(timeout: .now() + 60) == .success)
        for process in processes { kill(process, SIGCONT) }
        group.wait()
        try store.close()
    }

    @Test func anIdleLeaderNoticesThatItWasDeposed() async throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        let appender = store.appender()
        let end = Mutex<(any Error)?>(nil)
        appender.whenEnded { error in end.withLock { $0 = error } }
        try database.depose()
        try await eventually("the end is reported", within: .seconds(60)) { end.withLock { $0 is LeadLost } }
        #expect(appender.lease() == nil)
        let late = Mutex<(any Error)?>(nil)
        appender.whenEnded { error in late.withLock { $0 = error } }
        #expect(late.withLock { $0 is LeadLost })
        try store.close()
    }
}

import Dispatch
import EventSourcing
import Synchronization
import TestSupport
import Testing

@testable import PostgreSQLEventStore

@Suite("What must never happen is noticed if it does")
struct FaultTests {
    /// Whether a store that was deposed by the lock's loss writes something.
    private func writesWhenDeposed(_ faults: Faults) throws -> Bool {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string, timeouts: Timeouts(), faults: faults)
        let a = try stream("a")
        try store.add(to: a)
        try database.depose()
        do {
            try store.add(to: a)
        } catch is LeadLost {
        }
        try store.close()
        return try database.run("SELECT count(*) FROM daybook.records", returning: [.int8]).first?.integer(at: 0) != 1
    }

    @Test func whoeverWasDeposedWritesNothing() throws { #expect(try !writesWhenDeposed(Faults())) }

    @Test func aMissingFenceIsNoticed() throws { #expect(try writesWhenDeposed(Faults(hasNoFence: true))) }

    /// Whether a log is opened while what stands in it is on no standby.
    private func opensWithoutStandby(_ faults: Faults) throws -> Bool {
        let server = try PostgreSQLServer()
        let first = try PostgreSQLEventStore(server.local)
        try first.add(to: stream("a"))
        try first.close()
        let operatorOfServer = try Connection(ConnectionString(server.local))
        try operatorOfServer.nameMissingStandby(server.local)
        var timeouts = Timeouts()
        timeouts.commit = .seconds(2)
        var isOpen = true
        var store: PostgreSQLEventStore?
        do {
            store = try PostgreSQLEventStore(server.local, timeouts: timeouts, faults: faults)
        } catch let obstacle as StoreObstacle where obstacle.kind == .unavailable {
            isOpen = false
        }
        try operatorOfServer.set("synchronous_standby_names", to: "")
        try (store ?? PostgreSQLEventStore(server.local)).close()
        return isOpen
    }

    @Test func nothingIsServedThatIsOnNoStandby() throws { #expect(try !opensWithoutStandby(Faults())) }

    @Test func aMissingBarrierIsNoticed() throws { #expect(try opensWithoutStandby(Faults(hasNoBarrier: true))) }

    /// Whether a commit is acknowledged, or its record read, that an operator cancelled while it waited for a standby.
    private func acknowledgesACancelledCommit(_ faults: Faults) async throws -> Bool {
        let server = try PostgreSQLServer()
        let store = try PostgreSQLEventStore(server.local, timeouts: Timeouts(), faults: faults)
        let a = try stream("a")
        try store.add(to: a)
        let operatorOfServer = try Connection(ConnectionString(server.local))
        try operatorOfServer.nameMissingStandby(server.local)
        let endings = Endings()
        let appender = store.appender()
        appender.begin(.append([append([event()], to: a, under: "1")]), completed: endings.add(1))
        appender.begin(.append([append([event()], to: a, under: "2")]), completed: endings.add(2))
        try await eventually("the commit is cancelled", within: .seconds(60)) { try operatorOfServer.cancelCommit() }
        // It can be seen now, and the connection is closed, or the write has ended.
        try await eventually("its end is seen", within: .seconds(60)) {
            appender.delay?.contains("found out") == true || appender.delay?.contains("is unknown until") == true
                || !endings.all.isEmpty
        }
        let isWrong = try !endings.all.isEmpty || store.versions(of: a) != [1] || appender.lease() != nil
        try operatorOfServer.set("synchronous_standby_names", to: "")
        try await endings.wait(for: 2)
        #expect(endings.all.map(\.number) == [1, 2])
        for ending in endings.all {
            guard case .committed = ending.result.firstResult else { throw TooLate(description: "\(ending)") }
        }
        #expect(try store.versions(of: a) == [1, 2, 3])
        try store.close()
        return isWrong
    }

    @Test func aCommitIsAcknowledgedWhenTheStandbyHasIt() async throws {
        #expect(try await !acknowledgesACancelledCommit(Faults()))
    }

    @Test func aWarningThatIsTakenForSuccessIsNoticed() async throws {
        #expect(try await acknowledgesACancelledCommit(Faults(takesWarningForSuccess: true)))
    }
}

import EventSourcing
import Foundation
import TestSupport
import Testing

@testable import PostgreSQLEventStore

@Suite("Who stands by takes over when nobody else answers any more")
struct TakeoverTests {
    private func row(
        epoch: Int64 = 3, changes: Int64 = 7, age: Duration = .zero, ofThisRun: Bool = false, released: Bool = false
    ) -> LeadRow {
        LeadRow(
            owner: UniqueID(high: 1, low: 1), epoch: epoch, changes: changes, leader: "somebody",
            since: Timestamp(microseconds: 0), age: age, isOfThisRun: ofThisRun, isReleased: released)
    }

    @Test func aLeadThatWasGivenBackIsTakenAtOnce() {
        var takeover = Takeover()
        #expect(takeover.step(row(released: true), hasLock: true) == .take(quietFor: .zero))
        #expect(takeover.step(row(epoch: 0), hasLock: true) == .take(quietFor: .zero))
    }

    @Test func aSessionThatIsOverLeavesTimeToNoticeIt() {
        var takeover = Takeover()
        #expect(takeover.step(row(ofThisRun: true), hasLock: true) == .take(quietFor: .milliseconds(250)))
    }

    @Test func onAnotherServerTheLeaseAndTheSkewAreWaitedFor() {
        var takeover = Takeover()
        #expect(takeover.step(row(age: .seconds(3.9)), hasLock: true) == .wait)
        #expect(takeover.step(row(age: .seconds(4.1)), hasLock: true) == .take(quietFor: .zero))
        // The clock of the old server may be ahead by any time.
        let start = ContinuousClock.now
        #expect(takeover.step(row(changes: 8, age: .seconds(-100)), hasLock: true, at: start) == .wait)
        #expect(takeover.step(row(changes: 8, age: .seconds(-99)), hasLock: true, at: start + .seconds(3.9)) == .wait)
        #expect(
            takeover.step(row(changes: 8, age: .seconds(-98)), hasLock: true, at: start + .seconds(4.1))
                == .take(quietFor: .zero))
    }

    @Test func aLeaderThatWritesIsLeftAlone() {
        var takeover = Takeover()
        let start = ContinuousClock.now
        for step in 0..<100 {
            let now = start + .milliseconds(500 * step)
            #expect(takeover.step(row(changes: Int64(step)), hasLock: step % 2 == 0, at: now) == .wait)
        }
        #expect(takeover.step(row(changes: 99), hasLock: false, at: start + .seconds(49.5 + 4.9)) == .wait)
        #expect(takeover.step(row(changes: 99), hasLock: false, at: start + .seconds(49.5 + 5.1)) == .endHolder)
    }

    private func takeOver(_ opening: PostgreSQLOpening) async throws -> any EventStore {
        var store: (any EventStore)?
        try await eventually("the lead is taken", within: .seconds(60)) {
            do {
                store = try opening.attempt()
                return true
            } catch let obstacle as StoreObstacle where obstacle.kind == .standby {
                return false
            }
        }
        return try #require(store)
    }

    @Test func aLeaderThatWorksKeepsTheLeadAndAnEndedOneGivesItBack() async throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        try store.add(to: stream("a"))
        let opening = try PostgreSQLOpening(database.string, standby: true)
        let end = ContinuousClock.now + .seconds(7)
        while .now < end {
            let obstacle = #expect(throws: StoreObstacle.self) { try opening.attempt() }
            #expect(obstacle?.kind == .standby)
            #expect(obstacle?.description.contains("(process ") == true)
            Pause.short()
        }
        try store.add(to: stream("a"))
        try store.close()
        let next = try opening.attempt()
        #expect(try next.head().position == 2)
        #expect(next.appender().lease()?.epoch == UInt64(clamping: try database.epoch()))
        try next.close()
        opening.close()
    }

    @Test func aLeaderThatWasKilledIsFollowed() async throws {
        let database = try TestDatabase()
        try PostgreSQLEventStore(database.string).close()
        var leader: Connection? = try database.leadAndDoNothing()
        let epoch = UInt64(clamping: try database.epoch())
        let opening = try PostgreSQLOpening(database.string, standby: true)
        #expect(throws: StoreObstacle.self) { try opening.attempt() }
        #expect(leader != nil)
        leader = nil
        let store = try await takeOver(opening)
        #expect(store.appender().lease().map { $0.epoch > epoch } == true)
        try store.close()
    }

    @Test func aLeaderThatIsFrozenIsDeposedAfterItsLease() async throws {
        let database = try TestDatabase()
        try PostgreSQLEventStore(database.string).close()
        let leader = try database.leadAndDoNothing()
        let start = ContinuousClock.now
        let opening = try PostgreSQLOpening(database.string, standby: true)
        let store = try await takeOver(opening)
        #expect(.now - start > Lease.length)
        #expect(throws: ConnectionFailure.self) {
            try leader.run(Statement("SELECT 1::bigint", returning: [.int8]), within: .seconds(10))
        }
        try store.close()
    }

    @Test func whoHasNoDescriptorsTakesNoLead() throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        let opening = try PostgreSQLOpening(database.string, standby: true)
        // It has its connection now.
        #expect(throws: StoreObstacle.self) { try opening.attempt() }
        try store.close()
        let epoch = try database.epoch()
        let descriptors = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var before = rlimit()
        try #require(getrlimit(descriptors, &before) == 0)
        // Those that are open go on; `poll` wants no smaller limit.
        let next = dup(0)
        close(next)
        var none = rlimit(rlim_cur: rlim_t(next), rlim_max: before.rlim_max)
        try #require(next > 2 && setrlimit(descriptors, &none) == 0)
        let result = Result { try opening.attempt() }
        try #require(setrlimit(descriptors, &before) == 0)
        let obstacle = #expect(throws: StoreObstacle.self) { _ = try result.get() }
        #expect(obstacle?.description.contains("ulimit -n") == true)
        #expect(try database.epoch() == epoch)
        try opening.attempt().close()
    }

    @Test func ofTwoThatStandByOneTakesOver() async throws {
        let database = try TestDatabase()
        let leader = try PostgreSQLEventStore(database.string)
        let openings = try (0..<2).map { _ in try PostgreSQLOpening(database.string, standby: true) }
        try leader.close()
        var stores: [any EventStore] = []
        for round in 0..<20 {
            do {
                stores.append(try openings[round % 2].attempt())
                if stores.count == 1 { _ = try stores[0].append([append([event()], to: stream("a"))]) }
            } catch let obstacle as StoreObstacle {
                #expect(obstacle.kind == .standby)
            }
        }
        #expect(stores.count == 1)
        try stores.first?.close()
    }
}

extension TestDatabase {
    /// A connection that has the lead and the lock, and does nothing with it.
    fileprivate func leadAndDoNothing() throws -> Connection {
        let connection = try connect()
        #expect(try LeadLock.tryTaking(connection, within: .seconds(10)))
        let row = try #require(try LeadRow.read(connection, within: .seconds(10)))
        _ = try #require(
            try Lead.take(
                connection, for: .version7(at: .now()), "a frozen program", from: row, ifIdle: true, hasLock: true,
                within: .seconds(10)))
        return connection
    }
}

import EventSourcing
import TestSupport
import Testing

@testable import PostgreSQLEventStore

@Suite("Of several programs one appends")
struct LeadTests {
    @Test func aSecondStoreIsRefused() throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        var timeouts = Timeouts()
        timeouts.lock = .milliseconds(100)
        let error = #expect(throws: PostgreSQLEventStoreError.self) {
            try PostgreSQLEventStore(database.string, timeouts: timeouts)
        }
        #expect(error?.code == .locked)
        try store.add(to: stream("a"))
        try store.close()
        try PostgreSQLEventStore(database.string).close()
    }

    @Test func whoeverWasDeposedCannotAppend() throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        let a = try stream("a")
        try store.add(to: a)
        // As a second program does that a doorman of another server let in.
        #expect(try database.depose().position == 1)
        #expect(throws: LeadLost.self) { try store.add(to: a) }
        #expect(throws: LeadLost.self) { try store.append([append([], to: a, under: "refusal")]) }
        #expect(throws: LeadLost.self) { try store.tryWriting() }
        // Nor read what another one may have added to.
        #expect(throws: StoreObstacle.self) { try store.versions(of: a) }
        try store.close()
        let next = try PostgreSQLEventStore(database.string)
        #expect(try next.versions(of: a) == [1])
        #expect(try next.outcome(of: Array("refusal".utf8), in: a) == nil)
        try next.close()
    }

    @Test func whoeverWasDeposedDoesNotTakeTheLeadBackWithANewConnection() throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        try store.add(to: stream("a"))
        let epoch = try database.depose().epoch
        try database.terminateWriter()
        #expect(throws: LeadLost.self) { try store.add(to: stream("a")) }
        #expect(try database.epoch() == epoch)
        try store.close()
    }

    @Test func whoeverWasDeposedAcknowledgesNothingThatCannotBeSeen() throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        let a = try stream("a")
        try store.add(to: a)
        try database.depose()
        try database.terminateWriter()
        // Found lost when the transaction is sent. It changes no position, so nothing shows whether it took place.
        #expect(throws: LeadLost.self) {
            try store.dropSnapshot(of: a, fingerprint: Digest256(1, 2, 3, 4), version: 1)
        }
        try store.close()
    }

    @Test func aServerThatLacksBothLeadAndHistoryStopsTheStore() throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        let a = try stream("a")
        try store.add(to: a)
        try store.add(to: a)
        // As on a standby that has not even got the opening.
        try database.run("DELETE FROM daybook.records WHERE position = 2")
        try database.run("UPDATE daybook.writer SET position = 1, epoch = 0, owner = gen_random_uuid()")
        try database.terminateWriter()
        let error = #expect(throws: PostgreSQLEventStoreError.self) { try store.add(to: a) }
        #expect(error?.code == .historyLost)
        try store.close()
    }

    @Test func everyOpeningRaisesTheEpoch() throws {
        let database = try TestDatabase()
        var last: Int64 = 0
        for _ in 1...3 {
            try PostgreSQLEventStore(database.string).close()
            let epoch = try database.epoch()
            #expect(epoch > last)
            last = epoch
        }
    }

    @Test func theEpochOfARestoredLogIsGreaterThanAllBefore() throws {
        let database = try TestDatabase()
        try PostgreSQLEventStore(database.string).close()
        let backup = try database.epoch()
        for _ in 1...20 { try PostgreSQLEventStore(database.string).close() }
        let last = try database.epoch()
        // As a backup of the database leaves it, and as a copy into a new database does.
        for restored in [backup, 0] {
            try database.run("UPDATE daybook.writer SET epoch = $1", [.integer(restored)])
            try PostgreSQLEventStore(database.string).close()
            #expect(try database.epoch() > last)
        }
    }

    @Test func anEpochAheadOfTheClockIsRaisedByOneUntilThereIsNoGreaterOne() throws {
        let database = try TestDatabase()
        try PostgreSQLEventStore(database.string).close()
        try database.run("UPDATE daybook.writer SET epoch = $1", [.integer(.max - 1)])
        try PostgreSQLEventStore(database.string).close()
        #expect(try database.epoch() == .max)
        let error = #expect(throws: PostgreSQLEventStoreError.self) { try PostgreSQLEventStore(database.string) }
        #expect(error?.code == .cannotOpen)
        #expect(try database.epoch() == .max)
    }
}

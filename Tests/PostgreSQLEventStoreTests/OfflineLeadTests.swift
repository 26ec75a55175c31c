import EventSourcing
import TestSupport
import Testing

@testable import PostgreSQLEventStore

@Suite("Whoever fills a database leads its log meanwhile")
struct OfflineLeadTests {
    private struct Filled {
        let database: TestDatabase
        let records: [RecordedEvent]
        let destination: PostgreSQLLogDestination

        /// A database that has the first of three records.
        init() throws {
            let source = try TestDatabase()
            let store = try PostgreSQLEventStore(source.string)
            for _ in 1...3 { try store.add(to: stream("a")) }
            records = try store.readLog(after: 0, limit: ReadLimit(events: 10))
            try store.close()
            database = try TestDatabase()
            destination = try PostgreSQLLogDestination(database.string, for: store.logID, isNew: true)
            try destination.append([records[0]], [])
        }

        func position() throws -> UInt64? {
            try database.run("SELECT max(position) FROM daybook.records", returning: [.int8]).first?.ordinal(at: 0)
        }
    }

    @Test(arguments: [false, true]) func whoeverWasDeposedWritesNothingMore(isSessionEnded: Bool) throws {
        let filled = try Filled()
        let lead = try filled.database.depose()
        #expect(lead.position == 1)
        if isSessionEnded { try filled.database.terminateSessions() }
        for _ in 1...2 {
            let error = #expect(throws: PostgreSQLEventStoreError.self) {
                try filled.destination.append([filled.records[1]], [])
            }
            #expect(error?.code == .locked)
            #expect(error?.description.contains("another program has taken over the log") == true)
        }
        #expect(try filled.position() == 1)
        let row = try #require(try LeadRow.read(filled.database.connect(), within: .seconds(10)))
        #expect((row.epoch, row.changes) == (lead.epoch, lead.changes))
        // Nor does it give back what is another's.
        do { try filled.destination.close() } catch is StoreObstacle {}
        #expect(try LeadRow.read(filled.database.connect(), within: .seconds(10))?.isReleased == false)
    }

    @Test func theRowIsRenewedWhileNothingIsWritten() async throws {
        let filled = try Filled()
        func row() throws -> LeadRow {
            try #require(try LeadRow.read(filled.database.connect(), within: .seconds(10)))
        }
        let before = try row()
        try await eventually("it is renewed", within: .seconds(30)) { try row().changes >= before.changes + 3 }
        #expect(try row().epoch == before.epoch)
        // What comes then is written as before.
        try filled.destination.append([filled.records[1]], [])
        #expect(try filled.position() == 2)
        try filled.destination.close()
        #expect(try row().isReleased)
    }
}

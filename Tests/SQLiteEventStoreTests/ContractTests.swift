import EventSourcing
import EventStoreContract
import SQLiteEventStore
import TestSupport
import Testing

@Suite("SQLite keeps the event store contract")
struct ContractTests {
    @Test(arguments: EventStoreContract.checks)
    func contract(_ check: EventStoreCheck) throws {
        let folder = try TemporaryFolder()
        try check.run(
            in: StorePlace(
                open: { clock in try SQLiteEventStore(path: folder.database, clock: clock) },
                close: { store in try #require(store as? SQLiteEventStore).close() }))
    }
}

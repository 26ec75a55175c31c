import EventSourcing
import EventStoreContract
import PostgreSQLEventStore
import Testing

@Suite("PostgreSQL keeps the event store contract")
struct ContractTests {
    @Test(arguments: EventStoreContract.checks)
    func contract(_ check: EventStoreCheck) throws {
        let database = try TestDatabase()
        try check.run(
            in: StorePlace(
                open: { clock in try PostgreSQLEventStore(database.string, clock: clock) },
                close: { store in try store.close() }))
    }
}

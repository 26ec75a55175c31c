internal import EventSourcing
internal import SQLiteEventStore

/// Opens a log in a file of SQLite's: the locks on it show whether another program has it open.
struct SQLiteOpening: StoreOpening {
    let path: String
    let options: EventStores.Options
    /// Whether to wait for the end of a program that has the log open; else that is an error.
    let standby: Bool

    func attempt() throws -> any EventStore {
        do {
            return try SQLiteEventStore(path: path, writeAheadLog: options.writeAheadLog)
        } catch let error as SQLiteEventStoreError where standby && error.code == .locked {
            throw StoreObstacle(.standby, "another program leads the log: \(error)")
        }
    }

    func close() {}
}

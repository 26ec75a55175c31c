import EventSourcing
import SQLiteEventStore
import TestSupport
import Testing

@Suite("I10: damage is refused with its position")
struct DamageTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test(
        "at the end of the log, when it is opened",
        arguments: [
            "UPDATE events SET data = '{\"amount\":\"9.00\"}' WHERE position = 3",
            "UPDATE events SET metadata = '{}' WHERE position = 3",
            "UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 3",
            "UPDATE events SET recorded_at = 0 WHERE position = 3",
            "UPDATE events SET hash = zeroblob(32) WHERE position = 3",
            "UPDATE events SET hash = x'00' WHERE position = 3",
            "UPDATE events SET id = x'00' WHERE position = 3",
            "UPDATE events SET stream = 'acc-002' WHERE position = 3",
            "UPDATE events SET stream = 'acc/001' WHERE position = 3",
            "UPDATE events SET version = 4 WHERE position = 3",
            "UPDATE events SET schema_version = 65536 WHERE position = 3",
            "UPDATE events SET continues = 1 WHERE position = 3",
            "UPDATE events SET continues = 2 WHERE position = 3",
            "UPDATE events SET hash = zeroblob(32) WHERE position = 2",
            "UPDATE events SET version = 9 WHERE position = 1",
        ])
    func tail(_ statement: String) throws {
        try makeLog(at: folder.database)
        #expect(try run(["sqlite3", folder.database, statement]).code == 0)
        expectRefused(folder.database, .damaged, words: ["position 3", "restore a backup"])
    }

    @Test("a missing record before the last is refused")
    func missing() throws {
        try makeLog(at: folder.database)
        try run(["sqlite3", folder.database, "DELETE FROM events WHERE position = 2"])
        expectRefused(folder.database, .damaged, words: ["position 2", "missing"])
    }

    @Test("a log that ends inside an append is refused")
    func cutInsideAppend() throws {
        try makeLog(at: folder.database)
        try run(["sqlite3", folder.database, "DELETE FROM events WHERE position = 3"])
        expectRefused(folder.database, .damaged, words: ["position 2", "goes on", "cut off", "restore a backup"])
    }

    @Test("whoever reads a record of which it was altered whether its append goes on is refused it")
    func alteredBoundary() throws {
        let store = try SQLiteEventStore(path: folder.database)
        _ = try store.append([append(["1", "2"]), append(["3"]), append(["4"])])
        try store.close()
        try run(["sqlite3", folder.database, "UPDATE events SET continues = 0 WHERE position = 1"])
        let damaged = try SQLiteEventStore(path: folder.database)
        let error = #expect(throws: SQLiteEventStoreError.self) {
            _ = try damaged.readLog(after: 0, limit: ReadLimit(events: 10))
        }
        #expect(error?.code == .damaged && error?.message.contains("position 1") == true)
        try damaged.close()
    }

    @Test("a lost log id is refused")
    func logID() throws {
        try makeLog(at: folder.database)
        try run(["sqlite3", folder.database, "DELETE FROM log"])
        expectRefused(folder.database, .damaged, words: [folder.database])
    }

    @Test("a gap in the middle is refused by whoever reads over it")
    func gap() throws {
        let store = try SQLiteEventStore(path: folder.database)
        _ = try store.append([append(["1", "2", "3", "4", "5"])])
        try store.close()
        try run(["sqlite3", folder.database, "DELETE FROM events WHERE position = 2"])
        let damaged = try SQLiteEventStore(path: folder.database)
        let error = #expect(throws: SQLiteEventStoreError.self) {
            _ = try damaged.readLog(after: 0, limit: ReadLimit(events: 10))
        }
        #expect(error?.code == .damaged)
        #expect(error?.message.contains("position 2") == true)
        // Position 3 cannot be proved without the hash of position 2; what comes after it can.
        #expect(throws: SQLiteEventStoreError.self) { try damaged.readLog(after: 2, limit: ReadLimit(events: 10)) }
        #expect(try damaged.readLog(after: 3, limit: ReadLimit(events: 10)).count == 2)
        try damaged.close()
    }
}

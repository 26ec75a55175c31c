import EventSourcing
import Foundation
import GRDB
import SQLiteEventStore
import TestSupport
import Testing

@Suite("After a failure")
struct FailureTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("an append that failed is the last one; nothing of it is seen; reads go on; a new store goes on")
    func failedAppend() throws {
        let store = try SQLiteEventStore(path: folder.database)
        _ = try store.append([append(["1"])])
        let head = try store.head()
        // A row that another program adds makes the third event of the batch fail, after rows were written.
        try run([
            "sqlite3", folder.database,
            """
            INSERT INTO events SELECT 4, category, stream, 9, type, schema_version, recorded_at, id, hash, metadata, data,
            continues FROM events
            """,
        ])
        let first = #expect(throws: SQLiteEventStoreError.self) {
            _ = try store.append([append(["2"]), append(["3"]), append(["4"])])
        }
        #expect(first?.code == .writeFailed)
        #expect(first?.description.contains("events.position") == true)
        #expect(try store.head() == head)
        #expect(try store.readLog(after: 0, limit: ReadLimit(events: 1)).count == 1)
        let second = #expect(throws: SQLiteEventStoreError.self) { _ = try store.append([append(["4"])]) }
        #expect(second?.code == .failedEarlier)
        #expect(second?.description.contains("events.position") == true)
        try store.close()
        try run(["sqlite3", folder.database, "DELETE FROM events WHERE position = 4"])
        let again = try SQLiteEventStore(path: folder.database)
        #expect(try again.head() == head)
        _ = try again.append([append(["5"])])
        #expect(try again.head().position == 2)
        try again.close()
    }

    @Test("a closed store says so, and can be closed again")
    func closed() throws {
        let store = try SQLiteEventStore(path: folder.database)
        try store.close()
        try store.close()
        let stream = try #require(StreamID(category: "account", name: "a"))
        let calls: [() throws -> Void] = [
            { _ = try store.head() },
            { _ = try store.append([]) },
            { _ = try store.readLog(after: 0, limit: ReadLimit(events: 1)) },
            { _ = try store.readStream(stream, after: 0, limit: ReadLimit(events: 1)) },
            { _ = try store.outcome(of: [1], in: stream) },
        ]
        for call in calls {
            #expect(#expect(throws: SQLiteEventStoreError.self, performing: call)?.code == .closed)
        }
    }
}

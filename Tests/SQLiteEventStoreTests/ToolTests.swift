import EventSourcing
import Foundation
import SQLiteEventStore
import TestSupport
import Testing

@Suite("Other programs at the file")
struct ToolTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("the sqlite3 tool reads the history, also while the store is open")
    func query() throws {
        let store = try SQLiteEventStore(path: folder.database)
        _ = try store.append([append([#"{"amount":"500.00"}"#, #" { "amount" : "7.25" } "#])])
        let query = """
            SELECT position, category || '/' || stream, version, type, json_extract(data, '$.amount') FROM events
            """
        let expected = "1|account/acc-001|1|MoneyDeposited|500.00\n2|account/acc-001|2|MoneyDeposited|7.25\n"
        #expect(try run(["sqlite3", folder.database, query]).output == expected)
        try store.close()
        #expect(try run(["sqlite3", folder.database, query]).output == expected)
        #expect(try run(["sqlite3", folder.database, "PRAGMA integrity_check"]).output == "ok\n")
    }

    @Test("the streams and versions under a key are JSON arrays")
    func keys() throws {
        let store = try SQLiteEventStore(path: folder.database)
        let writes = try append(["1", "2"], to: "a").writes + append(["3"], to: "b").writes
        let key = CommandKey(key: [0x6B], fingerprint: Digest256(0, 0, 0, 0), outcome: [])
        _ = try store.append([AppendRequest(command: key, writes: writes)])
        try store.close()
        let query = """
            SELECT names.value, versions.value FROM command_keys, json_each(streams) AS names,
            json_each(stream_versions) AS versions WHERE names.key = versions.key
            """
        #expect(try run(["sqlite3", folder.database, query]).output == "account/a|2\naccount/b|1\n")
    }

    @Test("a closed log is one file, beside its lock")
    func files() throws {
        let store = try SQLiteEventStore(path: folder.database)
        _ = try store.append([append(["{}"])])
        _ = try store.readLog(after: 0, limit: ReadLimit(events: 1))
        try store.close()
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
                == ["daybook.db", "daybook.db.lock"])
    }
}

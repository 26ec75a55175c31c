import EventSourcing
import Foundation
import GRDB
import SQLiteEventStore
import TestSupport
import Testing

@Suite("Files that somebody made to harm")
struct HostileFileTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Makes a log and changes it by SQL.
    private func makeHostile(_ sql: String, writableSchema: Bool = false) throws {
        let store = try SQLiteEventStore(path: folder.database)
        _ = try store.append([append(["{}"])])
        let key = CommandKey(key: [1], fingerprint: Digest256(1, 0, 0, 0), outcome: [2])
        let write = try append(["{}"]).writes
        _ = try store.append([AppendRequest(command: key, writes: write)])
        try store.close()
        try DatabaseQueue(path: folder.database).writeWithoutTransaction { database in
            if writableSchema { try database.execute(sql: "PRAGMA writable_schema = ON") }
            try database.execute(sql: sql)
        }
    }

    /// Expects that nobody opens the file, and that it stays as it is.
    private func expectRefused(
        _ words: [String], _ code: SQLiteEventStoreError.Code = .alteredSchema,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let before = try Data(contentsOf: URL(filePath: folder.database))
        let errors = [
            #expect(throws: SQLiteEventStoreError.self, sourceLocation: sourceLocation) {
                _ = try SQLiteEventStore(path: folder.database)
            },
            #expect(throws: SQLiteEventStoreError.self, sourceLocation: sourceLocation) {
                _ = try SQLiteLogFile(path: folder.database)
            },
        ]
        for error in errors {
            #expect(error?.code == code, "\(error as Any)", sourceLocation: sourceLocation)
            for word in words {
                #expect(
                    error?.description.contains(word) == true, "\(word) in \(error as Any)",
                    sourceLocation: sourceLocation)
            }
        }
        #expect(try Data(contentsOf: URL(filePath: folder.database)) == before, sourceLocation: sourceLocation)
    }

    @Test(
        "I4: what Daybook did not make is refused, by name",
        arguments: [
            // Deletes all keys, so that commands are obeyed twice.
            ("CREATE TRIGGER evil AFTER INSERT ON events BEGIN DELETE FROM command_keys; END", "trigger “evil”"),
            ("CREATE TRIGGER evil BEFORE INSERT ON events BEGIN SELECT RAISE(ABORT, 'no'); END", "trigger “evil”"),
            (
                "CREATE VIEW evil AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x FROM c) SELECT x FROM c",
                "view “evil”"
            ),
            ("CREATE INDEX evil ON events (abs(position))", "index “evil”"),
            (
                "CREATE INDEX mine ON events (stream)",
                "index “mine”, which Daybook did not make: drop it if it is yours"
            ),
            ("CREATE TABLE mine (a, b GENERATED ALWAYS AS (a || a))", "table “mine”"),
            ("CREATE VIRTUAL TABLE evil USING fts5 (a)", "table “evil”"),
            ("ANALYZE", "table “sqlite_stat1”"),
            ("CREATE TABLE \"evil\u{1B}[31m\nx\" (a)", "table “evil?[31m?x”"),
        ])
    func strangers(sql: String, words: String) throws {
        do {
            try makeHostile(sql)
        } catch let error as DatabaseError where error.message?.contains("no such module") == true {
            // This SQLite cannot make it; nor can it be opened.
            return
        }
        try expectRefused([folder.database, words])
    }

    @Test(
        "tables that are not as Daybook makes them are refused",
        arguments: [
            ("ALTER TABLE events ADD COLUMN more TEXT", "table events"),
            ("ALTER TABLE log ADD COLUMN more TEXT AS (hex(zeroblob(1000)))", "table log"),
            ("ALTER TABLE events RENAME COLUMN data TO other", "table events"),
            ("DROP TABLE snapshots", "lacks the table snapshots"),
            (
                """
                ALTER TABLE events RENAME TO real; CREATE VIEW events AS WITH RECURSIVE c(x) AS
                (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT x AS position FROM c
                """, "the table “real”"
            ),
            ("ALTER TABLE log RENAME TO other; CREATE VIEW log AS SELECT * FROM other", "the table “other”"),
        ])
    func alteredTables(sql: String, words: String) throws {
        try makeHostile(sql)
        try expectRefused([folder.database, words])
    }

    @Test(
        "a schema that was written by hand is refused",
        arguments: [
            "UPDATE sqlite_master SET sql = replace(sql, 'data TEXT NOT NULL', 'data NOT NULL') WHERE name = 'events'",
            "UPDATE sqlite_master SET sql = replace(sql, 'STRICT', '') WHERE name = 'command_keys'",
            "UPDATE sqlite_master SET sql = replace(sql, 'only_row = 1', 'load_extension(id)') WHERE name = 'log'",
            """
            INSERT INTO sqlite_master VALUES
            ('table', 'sqlite_schema', 'sqlite_schema', 2, 'CREATE TABLE sqlite_schema (a)')
            """,
            "INSERT INTO sqlite_master SELECT * FROM sqlite_master WHERE name = 'log'",
            "UPDATE sqlite_master SET sql = 'CREATE TABLE x AS SELECT ' || hex(zeroblob(1000000)) WHERE name = 'log'",
            "DELETE FROM sqlite_master",
        ])
    func writtenSchema(sql: String) throws {
        try makeHostile(sql, writableSchema: true)
        for open in [{ _ = try SQLiteEventStore(path: $0) }, { _ = try SQLiteLogFile(path: $0) }] {
            let error = #expect(throws: SQLiteEventStoreError.self) { try open(folder.database) }
            #expect([.alteredSchema, .cannotOpen, .damaged].contains(error?.code), "\(error as Any)")
        }
    }

    @Test(
        "two tables on one page, and one on none, are refused",
        arguments: [
            ("events", "snapshots"), ("stream_heads", "stream_links"), ("log", "events"),
        ])
    func sharedPage(of name: String, with other: String) throws {
        try makeHostile(
            """
            UPDATE sqlite_master SET rootpage = (SELECT rootpage FROM sqlite_master WHERE name = '\(other)')
            WHERE name = '\(name)'
            """, writableSchema: true)
        try expectRefused([folder.database, "has no page of its own"])
        try makeHostileAgain("UPDATE sqlite_master SET rootpage = 0 WHERE name = '\(name)'")
        try expectRefused([folder.database, "has no page of its own"])
    }

    private func makeHostileAgain(_ sql: String) throws {
        try DatabaseQueue(path: folder.database).writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA writable_schema = ON")
            try database.execute(sql: sql)
        }
    }

    @Test("a version that its tables do not have is refused", arguments: [0, 1, 2, 3, 5, -1, 2_147_483_647])
    func version(_ version: Int) throws {
        try makeHostile("PRAGMA user_version = \(version)")
        let code: SQLiteEventStoreError.Code = version < 1 ? .damaged : version > 4 ? .newerSchema : .alteredSchema
        try expectRefused([folder.database], code)
    }

    @Test("an empty file that says that it is Daybook's is refused")
    func emptyWithMark() throws {
        try DatabaseQueue(path: folder.database).writeWithoutTransaction {
            try $0.execute(sql: "PRAGMA application_id = \(0x4442_4B31); PRAGMA user_version = 4")
        }
        try expectRefused(["lacks the table command_keys"])
    }

    @Test("a file in another encoding is refused", arguments: ["UTF-16le", "UTF-16be"])
    func encoding(_ encoding: String) throws {
        try makeHostile("")
        let schema = try DatabaseQueue(path: folder.database).read {
            try String.fetchAll($0, sql: "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")
        }
        try FileManager.default.removeItem(atPath: folder.database)
        try FileManager.default.removeItem(atPath: folder.database + ".lock")
        try DatabaseQueue(path: folder.database).writeWithoutTransaction { database in
            try database.execute(sql: "PRAGMA encoding = '\(encoding)'")
            for sql in schema { try database.execute(sql: sql) }
            try database.execute(sql: "PRAGMA application_id = \(0x4442_4B31); PRAGMA user_version = 4")
        }
        try expectRefused(["UTF-8"])
    }

    @Test("a record that is longer than any that is kept is damage")
    func longRecord() throws {
        try makeHostile("UPDATE events SET data = '\"' || hex(zeroblob(600000)) || '\"' WHERE position = 1")
        let error = #expect(throws: SQLiteEventStoreError.self) {
            try SQLiteLogFile(path: folder.database).readLog(after: 0, limit: ReadLimit(events: 10, bytes: 64 << 20))
        }
        #expect(error?.code == .damaged && error?.description.contains("position 1") == true, "\(error as Any)")
    }

    @Test("a trigger that comes while the log is open is not run")
    func lateTrigger() throws {
        try makeHostile("")
        let store = try SQLiteEventStore(path: folder.database)
        try DatabaseQueue(path: folder.database).writeWithoutTransaction {
            try $0.execute(sql: "CREATE TRIGGER evil AFTER INSERT ON events BEGIN DELETE FROM command_keys; END")
        }
        let error = #expect(throws: SQLiteEventStoreError.self) { try store.append([append(["{}"])]) }
        #expect(error?.description.contains("it has a trigger") == true, "\(error as Any)")
        let stream = try #require(StreamID(category: "account", name: "acc-001"))
        #expect(try store.outcome(of: [1], in: stream)?.outcome.outcome == [2])
        try store.close()
    }

    // MARK: modes and links

    @Test("a log's files are their owner's alone, whatever the umask", arguments: [0o000, 0o077, 0o277])
    func modes(_ mask: mode_t) throws {
        let before = umask(mask)
        defer { umask(before) }
        let path = folder.path + "/new/er/daybook.db"
        let store = try SQLiteEventStore(path: path)
        _ = try store.append([append(["{}"])])
        try SQLiteLogCopy.make(of: SQLiteLogFile(path: path), at: folder.path + "/copies/copy.db") { _ in }
        for name in [
            "new/er/daybook.db", "new/er/daybook.db-wal", "new/er/daybook.db-shm", "new/er/daybook.db.lock",
            "copies/copy.db",
        ] { #expect(try mode(of: name) == 0o600, "\(name)") }
        for name in ["new", "new/er", "copies"] { #expect(try mode(of: name) == 0o700, "\(name)") }
        #expect(SQLiteEventStore.exposure(of: path) == nil)
        try store.close()
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        #expect(SQLiteEventStore.exposure(of: path)?.contains("chmod 600 \(path)") == true)
    }

    private func mode(of name: String) throws -> Int? {
        try FileManager.default.attributesOfItem(atPath: folder.path + "/" + name)[.posixPermissions] as? Int
    }

    @Test("no link is followed to a log, nor where a copy is to be", arguments: [true, false])
    func links(isDangling: Bool) throws {
        try makeLog(at: folder.database)
        let link = folder.path + "/link.db"
        try FileManager.default.createSymbolicLink(
            atPath: link, withDestinationPath: isDangling ? folder.path + "/nowhere" : folder.database)
        for open in [
            { _ = try SQLiteEventStore(path: $0) }, { _ = try SQLiteLogFile(path: $0) },
            { try SQLiteLogCopy.make(of: SQLiteLogFile(path: folder.database), at: $0) { _ in } },
        ] {
            let error = #expect(throws: SQLiteEventStoreError.self) { try open(link) }
            #expect(error?.code == .cannotOpen && error?.description.contains("symbolic link") == true)
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
        // SQLite's own side files are there while it is open.
        #expect(
            Set(names).subtracting(["daybook.db-wal", "daybook.db-shm"]) == [
                "daybook.db", "daybook.db.lock", "link.db",
            ])
    }
}

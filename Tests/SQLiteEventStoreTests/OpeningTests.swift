import EventSourcing
import Foundation
import GRDB
import TestSupport
import Testing

@testable import SQLiteEventStore

@Suite("Opening a log")
struct OpeningTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("makes the folders that are missing")
    func folders() throws {
        let path = folder.path + "/a/b/daybook.db"
        try makeLog(at: path)
        #expect(FileManager.default.fileExists(atPath: path))
    }

    @Test("I1: the writer has synchronous = FULL and a write-ahead log")
    func durability() throws {
        let store = try SQLiteEventStore(path: folder.database)
        #expect(try store.durability() == Durability(journalMode: "wal", synchronous: 2))
        try store.close()
        let again = try SQLiteEventStore(path: folder.database)
        #expect(try again.durability() == Durability.required)
        try again.close()
    }

    @Test("marks the file as Daybook's")
    func mark() throws {
        try makeLog(at: folder.database)
        try DatabaseQueue(path: folder.database).read { database throws in
            #expect(try Int.fetchOne(database, sql: "PRAGMA application_id") == 0x4442_4B31)
            #expect(try Int.fetchOne(database, sql: "PRAGMA user_version") == 4)
        }
    }

    @Test("refuses a file of a newer Daybook, naming both versions and the path")
    func newer() throws {
        try makeLog(at: folder.database)
        try run(["sqlite3", folder.database, "PRAGMA user_version = 7"])
        expectRefused(folder.database, .newerSchema, words: ["7", "up to 4", folder.database])
    }

    @Test("refuses another program's database and leaves it as it is")
    func foreign() throws {
        try run(["sqlite3", folder.database, "CREATE TABLE song (title); INSERT INTO song VALUES ('x')"])
        let before = try Data(contentsOf: URL(filePath: folder.database))
        expectRefused(folder.database, .foreignFile, words: [folder.database, "another program"])
        #expect(try Data(contentsOf: URL(filePath: folder.database)) == before)
        try run(["sqlite3", folder.database, "PRAGMA application_id = 99"])
        expectRefused(folder.database, .foreignFile, words: ["99"])
    }

    @Test("refuses a file that is no database and leaves it as it is")
    func noDatabase() throws {
        let text = Data(String(repeating: "Dear diary, ", count: 1000).utf8)
        try text.write(to: URL(filePath: folder.database))
        expectRefused(folder.database, .foreignFile, words: [folder.database, "not an SQLite database"])
        #expect(try Data(contentsOf: URL(filePath: folder.database)) == text)
    }

    @Test("refuses a folder in place of a file")
    func directory() throws {
        let path = folder.path + "/folder"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        expectRefused(path, .cannotOpen, words: [path])
        expectRefused(folder.path + "/none/", .cannotOpen, words: ["names no file"])
    }

    @Test("takes an empty file for a new log")
    func emptyFile() throws {
        try Data().write(to: URL(filePath: folder.database))
        try makeLog(at: folder.database)
    }
}

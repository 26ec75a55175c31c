import EventSourcing
import Foundation
import SQLiteEventStore
import TestSupport
import Testing

@Suite("One store at a time")
struct LockTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("a second store in this process is refused, with the path and the owner, until the first is closed")
    func sameProcess() throws {
        let store = try SQLiteEventStore(path: folder.database)
        let owner = "process \(ProcessInfo.processInfo.processIdentifier)"
        expectRefused(folder.database, .locked, words: [folder.database + ".lock", owner])
        _ = try store.append([append(["{}"])])
        try store.close()
        try SQLiteEventStore(path: folder.database).close()
    }

    @Test("a symbolic link to the file is refused, one to its folder is the same file")
    func symbolicLink() throws {
        let store = try SQLiteEventStore(path: folder.database)
        let link = folder.path + "/link.db"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: folder.database)
        expectRefused(link, .cannotOpen, words: [link, "symbolic link", folder.database])
        try FileManager.default.createSymbolicLink(
            atPath: folder.path + "/linked", withDestinationPath: folder.path)
        expectRefused(folder.path + "/linked/daybook.db", .locked, words: [folder.database + ".lock"])
        try store.close()
    }

    @Test("another process that holds the lock keeps us out, and we keep it out")
    func otherProcess() throws {
        try makeLog(at: folder.database)
        let lock = folder.database + ".lock"
        let holder = Process()
        holder.executableURL = URL(filePath: "/usr/bin/env")
        holder.arguments = ["flock", lock, "sh", "-c", "echo $$ > '\(lock)'; echo locked; read line"]
        let (input, output) = (Pipe(), Pipe())
        holder.standardInput = input
        holder.standardOutput = output
        try holder.run()
        // Waits until the other process says that it has the lock.
        #expect(String(decoding: output.fileHandleForReading.availableData, as: UTF8.self) == "locked\n")
        expectRefused(folder.database, .locked, words: [lock, "process "])
        try input.fileHandleForWriting.close()
        holder.waitUntilExit()

        let store = try SQLiteEventStore(path: folder.database)
        #expect(try run(["flock", "--nonblock", lock, "true"]).code == 1)
        try store.close()
        #expect(try run(["flock", "--nonblock", lock, "true"]).code == 0)
    }

    @Test("a refused opening lets go of the lock")
    func refused() throws {
        try run(["sqlite3", folder.database, "CREATE TABLE song (title)"])
        for _ in 0..<2 { expectRefused(folder.database, .foreignFile, words: [folder.database]) }
        #expect(try run(["flock", "--nonblock", folder.database + ".lock", "true"]).code == 0)
    }

    @Test("a lock file that was removed lets no second store in, be it in this process or another one")
    func removed() throws {
        let store = try SQLiteEventStore(path: folder.database)
        _ = try store.append([append(["1"])])
        try FileManager.default.removeItem(atPath: folder.database + ".lock")
        for _ in 0..<2 { expectRefused(folder.database, .locked, words: [folder.database]) }
        #expect(try run(["flock", "--nonblock", folder.database, "true"]).code == 1)
        // The refusals have not cost the store its locks in SQLite.
        let outsider = try run([
            "sqlite3", folder.database, "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE",
        ])
        #expect(outsider.output.contains("locked") || outsider.output.contains("wal"))
        _ = try store.append([append(["2"])])
        try store.close()
        #expect(try run(["flock", "--nonblock", folder.database, "true"]).code == 0)
        try SQLiteEventStore(path: folder.database).close()
    }

    @Test("a hard link to an open log is refused, and leaves it as it is")
    func hardLink() throws {
        let store = try SQLiteEventStore(path: folder.database)
        let link = folder.path + "/link.db"
        try FileManager.default.linkItem(atPath: folder.database, toPath: link)
        expectRefused(link, .locked, words: [link])
        try FileManager.default.removeItem(atPath: link)
        _ = try store.append([append(["1"])])
        try store.close()
    }
}

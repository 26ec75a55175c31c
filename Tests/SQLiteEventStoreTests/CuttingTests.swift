import EventSourcing
import SQLiteEventStore
import TestSupport
import Testing

@Suite("Copies of a log up to a position")
struct CuttingTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Appends that end at positions 2, 3 and 6; the last is over two streams and under a key.
    private func makeFile() throws -> SQLiteLogFile {
        let store = try SQLiteEventStore(path: folder.database)
        let writes = try append(["4"], to: "a").writes + append(["5", "6"], to: "b").writes
        let key = CommandKey(key: [1], fingerprint: Digest256(1, 0, 0, 0), outcome: [])
        _ = try store.append([
            append(["1", "2"], to: "a"), append(["3"], to: "b"), AppendRequest(command: key, writes: writes),
        ])
        try store.close()
        return try SQLiteLogFile(path: folder.database)
    }

    @Test("a log is cut where an append ends", arguments: [0, 2, 3, 6, 7, .max] as [UInt64])
    func whole(_ position: UInt64) throws {
        let file = try makeFile()
        let path = folder.path + "/copy.db"
        try SQLiteLogCopy.make(of: file, at: path, upTo: position) { _ in }
        let copy = try SQLiteEventStore(path: path)
        #expect(try copy.head().position == min(position, 6))
        try copy.close()
    }

    @Test(
        "a position inside an append is refused with the nearest where one ends",
        arguments: [(1, [0, 2]), (4, [3, 6]), (5, [3, 6])] as [(UInt64, [UInt64])])
    func inside(_ position: UInt64, nearest: [UInt64]) throws {
        let file = try makeFile()
        let path = folder.path + "/copy.db"
        let error = #expect(throws: SQLiteEventStoreError.self) {
            try SQLiteLogCopy.make(of: file, at: path, upTo: position) { _ in }
        }
        #expect(error?.code == .insideAppend)
        for word in ["position \(position) of", "position \(nearest[0]) or position \(nearest[1])"] {
            #expect(error?.description.contains(word) == true, "\(word) in \(error as Any)")
        }
        #expect(throws: SQLiteEventStoreError.self) { try SQLiteLogFile(path: path) }
    }

    @Test("a log that ends inside an append is not copied; up to an earlier position it is")
    func cutInside() throws {
        _ = try makeFile()
        try run(["sqlite3", folder.database, "DELETE FROM events WHERE position > 4"])
        let file = try SQLiteLogFile(path: folder.database)
        let path = folder.path + "/copy.db"
        let error = #expect(throws: SQLiteEventStoreError.self) { try SQLiteLogCopy.make(of: file, at: path) { _ in } }
        #expect(error?.code == .damaged && error?.description.contains("position 4") == true)
        let inside = #expect(throws: SQLiteEventStoreError.self) {
            try SQLiteLogCopy.make(of: file, at: path, upTo: 4) { _ in }
        }
        #expect(inside?.code == .insideAppend && inside?.description.contains("choose position 3, the") == true)
        try SQLiteLogCopy.make(of: file, at: path, upTo: 3) { _ in }
        let copy = try SQLiteEventStore(path: path)
        #expect(try copy.head().position == 3)
        try copy.close()
    }
}

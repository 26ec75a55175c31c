import EventSourcing
import Foundation
import GRDB
import Synchronization
import TestSupport
import Testing

@testable import SQLiteEventStore

@Suite("Readers and the appender")
struct ReaderTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    @Test("an open snapshot neither blocks the appender nor sees what it appends")
    func snapshot() throws {
        let store = try SQLiteEventStore(path: folder.database)
        _ = try store.append([append(["1"])])
        let outsider = try DatabaseQueue(path: folder.database)
        try outsider.inTransaction(.deferred) { database in
            #expect(try Int.fetchOne(database, sql: "SELECT count(*) FROM events") == 1)
            for _ in 0..<20 { _ = try store.append([append(["2"])]) }
            #expect(try Int.fetchOne(database, sql: "SELECT count(*) FROM events") == 1)
            #expect(try store.head().position == 21)
            #expect(try store.readLog(after: 0, limit: ReadLimit(events: 100)).count == 21)
            return .commit
        }
        try outsider.close()
        try store.close()
    }

    @Test("the head is the end of an append, also if its records are read before the appender has told of them")
    func headOfAppends() throws {
        let store = try SQLiteEventStore(path: folder.database)
        let request = try append(Array(repeating: "1", count: 50))
        let appended = DispatchSemaphore(value: 0)
        DispatchQueue.global().async {
            #expect(throws: Never.self) { for _ in 0..<200 { _ = try store.append([request]) } }
            appended.signal()
        }
        repeat {
            // What is just beyond the head, cut within an append: it can be read once the appender has committed.
            let head = try store.head().position
            let cut = try store.readLog(after: head, limit: ReadLimit(events: 7))
            _ = try store.readStream(request.writes[0].stream, after: head, limit: ReadLimit(events: 7))
            let told = try store.head().position
            if !cut.isEmpty, told > 0 {
                #expect(try store.readLog(after: told - 1, limit: ReadLimit(events: 1)).first?.continues == false)
            }
        } while appended.wait(timeout: .now()) == .timedOut
        #expect(try store.head().position == 10_000)
        try store.close()
    }

    @Test("readers go on while another program holds the write lock, and the append waits for it")
    func writeLock() throws {
        let store = try SQLiteEventStore(path: folder.database, limits: .init(busyTimeout: 60_000))
        _ = try store.append([append(["1"])])
        let outsider = try DatabaseQueue(path: folder.database)
        let appended = DispatchSemaphore(value: 0)
        let request = try append(["2"])
        try outsider.inTransaction(.immediate) { _ throws in
            DispatchQueue.global().async {
                #expect(throws: Never.self) { _ = try store.append([request]) }
                appended.signal()
            }
            #expect(appended.wait(timeout: .now() + 0.05) == .timedOut)
            #expect(try store.readLog(after: 0, limit: ReadLimit(events: 100)).count == 1)
            #expect(try store.head().position == 1)
            return .rollback
        }
        #expect(appended.wait(timeout: .now() + 10) == .success)
        #expect(try store.head().position == 2)
        try outsider.close()
        try store.close()
    }

    @Test("the write-ahead log is emptied once no reader keeps it, also while reads never end")
    func boundedLog() throws {
        let limit = 2 << 20
        let store = try SQLiteEventStore(path: folder.database, writeAheadLog: limit)
        let data = "\"" + String(repeating: "x", count: 100_000) + "\""
        func logSize() throws -> Int {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.database + "-wal")
            return try #require(attributes[.size] as? Int)
        }
        _ = try store.append([append([data])])
        let outsider = try DatabaseQueue(path: folder.database)
        try outsider.inTransaction(.deferred) { database in
            _ = try Int.fetchOne(database, sql: "SELECT count(*) FROM events")
            for _ in 0..<50 { _ = try store.append([append([data])]) }
            #expect(try logSize() > limit, "nothing can be done while an outsider keeps its snapshot")
            return .commit
        }
        try outsider.close()
        // Two readers that overlap again and again.
        let stopped = Atomic<Bool>(false)
        let readers = DispatchGroup()
        for _ in 0..<2 {
            DispatchQueue.global().async(group: readers) {
                #expect(throws: Never.self) {
                    while !stopped.load(ordering: .relaxed) {
                        _ = try store.readLog(after: 0, limit: ReadLimit(events: 10, bytes: 1 << 30))
                    }
                }
            }
        }
        // Counted, not timed: an attempt may fail where the machine is busy, but not one after the other.
        var appends = 0
        while try logSize() > limit && appends < 1000 {
            _ = try store.append([append([data])])
            appends += 1
        }
        #expect(try logSize() <= limit)
        stopped.store(true, ordering: .relaxed)
        readers.wait()
        try store.close()
    }
}

import EventSourcing
import Foundation
import GRDB
import TestSupport
import Testing

@testable import SQLiteEventStore

/// What keeps a store from writing for a while is no failure.
@Suite("Obstacles")
struct ObstacleTests {
    let folder: TemporaryFolder
    let impatient = SQLiteEventStore.Limits(busyTimeout: 10)

    init() throws {
        folder = try TemporaryFolder()
    }

    /// Expects that something cannot be written now, and that no trace of it is left.
    private func expectObstacle(
        _ kind: StoreObstacle.Kind, _ store: SQLiteEventStore, sourceLocation: SourceLocation = #_sourceLocation,
        _ body: () throws -> Void
    ) throws {
        let head = try store.head()
        let obstacle = #expect(throws: StoreObstacle.self, sourceLocation: sourceLocation, performing: body)
        #expect(obstacle?.kind == kind, sourceLocation: sourceLocation)
        #expect(obstacle?.description.contains(folder.database) == true, sourceLocation: sourceLocation)
        #expect(try store.head() == head, sourceLocation: sourceLocation)
        #expect(
            try store.readLog(after: head.position, limit: ReadLimit(events: 1)).isEmpty, sourceLocation: sourceLocation
        )
    }

    private func snapshot(of store: SQLiteEventStore) throws -> Snapshot {
        let last = try #require(try store.readLog(after: 0, limit: ReadLimit(events: 1)).last)
        return Snapshot(
            stream: last.stream, version: last.streamVersion, lastEvent: last.event.id, createdAt: last.recordedAt,
            updatedAt: last.recordedAt, fingerprint: Digest256(1, 2, 3, 4), state: [1])
    }

    @Test("while another program holds the write lock nothing is written, and everything can be done again afterwards")
    func busy() throws {
        let store = try SQLiteEventStore(path: folder.database, limits: impatient)
        _ = try store.append([append(["1"])])
        let snapshot = try snapshot(of: store)
        let request = try append(["2"])
        let outsider = try DatabaseQueue(path: folder.database)
        try outsider.inTransaction(.immediate) { _ in
            try expectObstacle(.busy, store) { _ = try store.append([request]) }
            try expectObstacle(.busy, store) { _ = try store.keep([snapshot]) }
            try expectObstacle(.busy, store) {
                try store.dropSnapshot(of: snapshot.stream, fingerprint: snapshot.fingerprint, version: 1)
            }
            try expectObstacle(.busy, store) { try store.tryWriting() }
            return .rollback
        }
        try store.tryWriting()
        #expect(try store.append([request]).records.map(\.position) == [2])
        #expect(try store.keep([snapshot]) == [true])
        try outsider.close()
        try store.close()
    }

    @Test("what is only checked is answered meanwhile, and waits for nobody")
    func checks() throws {
        let store = try SQLiteEventStore(path: folder.database, limits: impatient)
        func check(_ stream: String) throws -> AppendRequest { try append([], to: stream) }
        _ = try store.append([append(["1"], to: "a")])
        let outsider = try DatabaseQueue(path: folder.database)
        try outsider.inTransaction(.immediate) { _ in
            try expectObstacle(.busy, store) { _ = try store.append([check("a"), append(["2"], to: "a")]) }
            let (results, records) = try store.append([check("a"), check("b")])
            #expect(records.isEmpty)
            let versions: [[UInt64]] = results.map {
                if case .committed(let commit) = $0 { commit.streamVersions } else { [] }
            }
            #expect(versions == [[1], [0]])
            return .rollback
        }
        try outsider.close()
        try store.close()
    }

    @Test("a log that cannot be opened now is not touched, and opens later")
    func opening() throws {
        try makeLog(at: folder.database)
        let outsider = try DatabaseQueue(path: folder.database)
        try outsider.inTransaction(.immediate) { _ in
            for _ in 0..<2 {
                let obstacle = #expect(throws: StoreObstacle.self) {
                    _ = try SQLiteEventStore(path: folder.database, limits: impatient)
                }
                #expect(obstacle?.kind == .busy)
            }
            return .rollback
        }
        let store = try SQLiteEventStore(path: folder.database)
        #expect(try store.head().position == 3)
        try outsider.close()
        try store.close()
    }

    @Test("a batch that a full disk refuses leaves nothing behind, whatever it was to write", arguments: 1...4)
    func full(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        var limits = SQLiteEventStore.Limits()
        // Ends of streams are written down all the time, some of them in transactions that are rolled back.
        limits.heads = StreamHeadSaving.Limits(streams: 6, events: 20)
        let store = try SQLiteEventStore(path: folder.database, limits: limits)
        var expected: [String: UInt64] = [:]
        var refused = 0
        for _ in 0..<150 {
            // SQLite reports the same as on a full disk when a file may have no more pages.
            let isFull = Bool.random(using: &random)
            try store.withWriter { database in
                let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
                try database.execute(sql: "PRAGMA max_page_count = \(isFull ? pages : 1_000_000)")
            }
            let name = "acc-\(Int.random(in: 0..<25, using: &random))"
            let data = "\"" + String(repeating: "x", count: Int.random(in: 1...3000, using: &random)) + "\""
            let count = Int.random(in: 1...4, using: &random)
            do {
                _ = try store.append([append(Array(repeating: data, count: count), to: name)])
                expected[name, default: 0] += UInt64(count)
            } catch let obstacle as StoreObstacle {
                #expect(obstacle.kind == .full)
                refused += 1
            }
        }
        #expect(refused > 20 && expected.values.reduce(0, +) > 50)
        try store.withWriter { try $0.execute(sql: "PRAGMA max_page_count = 1000000") }
        try store.tryWriting()
        func check(_ store: SQLiteEventStore) throws {
            #expect(try store.head().position == expected.values.reduce(0, +))
            for (name, version) in expected {
                let stream = try #require(StreamID(category: "account", name: name))
                let slice = try store.readStream(stream, after: 0, limit: ReadLimit(events: 1000, bytes: .max))
                #expect(slice.version == version && slice.events.map(\.streamVersion) == Array(1...version))
            }
        }
        try check(store)
        try store.close()
        let file = try SQLiteLogFile(path: folder.database)
        var index = try StreamIndexCheck(of: file)
        let limit = ReadLimit(events: 100_000, bytes: 64 << 20)
        for record in try file.readLog(after: 0, limit: limit) { try index.take(record) }
        let again = try SQLiteEventStore(path: folder.database, limits: limits)
        try check(again)
        try again.close()
    }

    @Test("whatever is written, the write-ahead log is emptied: snapshots and refusals alone, too")
    func bounded() throws {
        let limit = 1 << 20
        let store = try SQLiteEventStore(path: folder.database, writeAheadLog: limit)
        _ = try store.append([append(["1"])])
        var snapshot = try snapshot(of: store)
        var largest: UInt64 = 0
        for number in 0..<400 {
            let state = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: 60_000)
            snapshot = Snapshot(
                stream: snapshot.stream, version: snapshot.version, lastEvent: snapshot.lastEvent,
                createdAt: snapshot.createdAt, updatedAt: snapshot.updatedAt, fingerprint: snapshot.fingerprint,
                state: state)
            #expect(try store.keep([snapshot]) == [true])
            largest = max(largest, try store.usage().pendingBytes)
        }
        // 24 MB were written; it is looked at after each thousand pages.
        #expect(largest < UInt64(limit) + 5 << 20)
        #expect(try store.usage().warning == nil)
        try store.close()
    }
}

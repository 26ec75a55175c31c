import EventSourcing
import GRDB
import Synchronization
import TestSupport
import Testing

@testable import SQLiteEventStore

/// The way to the events of a stream, which is made of links, of ends that are written down late, and of memory.
@Suite("The stream index")
struct StreamIndexTests {
    let folder: TemporaryFolder
    let few = StreamHeadSaving.Limits(streams: 8, events: 40)

    init() throws {
        folder = try TemporaryFolder()
    }

    private func stream(_ number: Int) throws -> StreamID {
        try #require(StreamID(category: "account", name: "acc-\(number)"))
    }

    /// A batch of appends to streams of which one takes more than the others.
    private func batch(_ random: inout SeededGenerator) throws -> [AppendRequest] {
        try (0..<Int.random(in: 1...6, using: &random)).map { _ in
            let number = Bool.random(using: &random) ? 0 : Int.random(in: 1...30, using: &random)
            return try append(
                Array(repeating: "{}", count: Int.random(in: 1...12, using: &random)), to: "acc-\(number)")
        }
    }

    /// Compares every way through the streams with the log.
    private func expectIndexed(
        _ store: SQLiteEventStore, _ random: inout SeededGenerator, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let log = try store.readLog(after: 0, limit: ReadLimit(events: 1_000_000, bytes: .max))
        for number in 0...31 {
            let stream = try stream(number)
            let events = log.filter { $0.stream == stream }
            for _ in 0..<4 {
                let version = Int.random(in: 0...events.count, using: &random)
                let limit = Int.random(in: 1...100, using: &random)
                let slice = try store.readStream(stream, after: UInt64(version), limit: ReadLimit(events: limit))
                #expect(slice.version == events.count, sourceLocation: sourceLocation)
                #expect(
                    slice.events == Array(events.dropFirst(version).prefix(limit)), sourceLocation: sourceLocation)
                guard let time = events.randomElement(using: &random)?.recordedAt else { continue }
                #expect(
                    try store.version(of: stream, at: time) == events.count { $0.recordedAt <= time },
                    sourceLocation: sourceLocation)
            }
        }
    }

    @Test("I3, I5: whatever a crash leaves of what was written down, streams are found whole", arguments: 1...3)
    func crashes(_ seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        var store = try SQLiteEventStore(path: folder.database, limits: .init(heads: few))
        for round in 0..<60 {
            _ = try store.append(batch(&random))
            guard round % 3 == 0 else { continue }
            // What a process that is killed now would leave.
            let left = folder.path + "/left-\(round).db"
            for suffix in ["", "-wal"] { try run(["cp", folder.database + suffix, left + suffix]) }
            let found = try SQLiteEventStore(path: left, limits: .init(heads: few))
            #expect(try found.head() == store.head())
            try expectIndexed(found, &random)
            _ = try found.append(batch(&random))
            try expectIndexed(found, &random)
            try found.close()
            if round % 30 == 0 {
                try store.close()
                store = try SQLiteEventStore(path: folder.database, limits: .init(heads: few))
            }
        }
        try expectIndexed(store, &random)
        let head = try store.head().position
        try store.close()
        // Of the ends, nearly all are written down.
        let until = try await DatabaseQueue(path: folder.database).read { try StreamHeadTable.until($0) }
        #expect(until + 200 > head && until <= head)
    }

    @Test("readers see every event that was acknowledged before they asked, while ends are written down")
    func readers() async throws {
        let store = try SQLiteEventStore(path: folder.database, limits: .init(heads: few))
        let streams = try (0..<30).map(stream)
        let rounds = 60
        try await withThrowingTaskGroup(of: Void.self) { group in
            let acknowledged = Acknowledged()
            group.addTask {
                for round in 1...rounds {
                    for (number, _) in streams.enumerated() where number % 3 == round % 3 {
                        _ = try store.append([append(["{}"], to: "acc-\(number)")])
                        acknowledged.add(number)
                    }
                }
                acknowledged.end()
            }
            for reader in 0..<2 {
                group.addTask {
                    var random = SeededGenerator(seed: UInt64(reader))
                    while !acknowledged.isOver {
                        let number = Int.random(in: 0..<30, using: &random)
                        let least = acknowledged.count(number)
                        let slice = try store.readStream(streams[number], after: 0, limit: ReadLimit(events: 1000))
                        #expect(slice.version >= least)
                        #expect(slice.events.map(\.streamVersion) == (0..<slice.version).map { $0 + 1 })
                    }
                }
            }
            try await group.waitForAll()
        }
        try store.close()
    }

    @Test("a log from which somebody took the end gets its tables anew")
    func cut() throws {
        var random = SeededGenerator(seed: 7)
        let store = try SQLiteEventStore(path: folder.database, limits: .init(heads: few))
        for _ in 0..<60 { _ = try store.append(batch(&random)) }
        // Where an append ends.
        let records = try store.readLog(after: 0, limit: ReadLimit(events: 100))
        let end = try #require(records.last { !$0.continues }).position
        try store.close()
        try run(["sqlite3", folder.database, "DELETE FROM events WHERE position > \(end)"])
        let cut = try SQLiteEventStore(path: folder.database, limits: .init(heads: few))
        #expect(try cut.head().position == end)
        try check(SQLiteLogFile(path: folder.database))
        try expectIndexed(cut, &random)
        for _ in 0..<20 { _ = try cut.append(batch(&random)) }
        try expectIndexed(cut, &random)
        try cut.close()
    }

    @Test("I10: tables are not made anew over a hole in the log")
    func hole() throws {
        let store = try SQLiteEventStore(path: folder.database)
        for number in 1...9 { _ = try store.append([append(["1"], to: "acc-\(number)")]) }
        try store.close()
        // No stream misses a version; the last event is taken away so that the tables do not fit.
        try run(["sqlite3", folder.database, "DELETE FROM events WHERE position IN (5, 9)"])
        expectRefused(folder.database, .damaged, words: ["position 5", "missing"])
    }

    @Test(
        "I10: a table that is damaged gives an error, never another stream's events",
        arguments: [
            "UPDATE stream_links SET links = zeroblob(48) WHERE position = 88",
            "UPDATE stream_links SET links = CAST(substr(links, 17, 16) || substr(links, 1, 16) AS BLOB) WHERE position = 88",
            "UPDATE stream_links SET links = substr(links, 1, 16) WHERE position = 88",
            "DELETE FROM stream_links WHERE position = 88",
            "UPDATE stream_links SET links = CAST(zeroblob(31) || x'09' || substr(links, 33) AS BLOB) WHERE position = 178",
            "UPDATE stream_heads SET version = version + 1 WHERE stream = 'acc-2'",
            "UPDATE stream_heads SET position = position - 1 WHERE stream = 'acc-2'",
            "DELETE FROM stream_heads WHERE stream = 'acc-1'",
        ])
    func damage(_ statement: String) throws {
        let store = try SQLiteEventStore(path: folder.database, limits: .init(heads: few))
        for _ in 0..<60 { _ = try store.append([append(["1", "2"], to: "acc-1"), append(["3"], to: "acc-2")]) }
        try store.close()
        let file = try SQLiteLogFile(path: folder.database)
        try check(file)
        #expect(try run(["sqlite3", folder.database, statement]).code == 0)
        #expect(throws: SQLiteEventStoreError.self) { try check(file) }
        let damaged: SQLiteEventStore
        do {
            damaged = try SQLiteEventStore(path: folder.database, limits: .init(heads: few))
        } catch let error as SQLiteEventStoreError {
            #expect(error.code == .damaged)
            return
        }
        let log = try damaged.readLog(after: 0, limit: ReadLimit(events: 1000))
        var failures = 0
        for number in 1...2 {
            let stream = try stream(number)
            for version in 0...120 as ClosedRange<UInt64> {
                do {
                    let slice = try damaged.readStream(stream, after: version, limit: ReadLimit(events: 1))
                    #expect(slice.events == log.filter { $0.stream == stream && $0.streamVersion == version + 1 })
                } catch let error as SQLiteEventStoreError {
                    #expect(error.code == .damaged)
                    failures += 1
                }
            }
        }
        #expect(failures > 0 || statement.contains("stream_heads"))
        try damaged.close()
    }

    private func check(_ file: SQLiteLogFile) throws {
        var index = try StreamIndexCheck(of: file)
        let limit = ReadLimit(events: 1_000_000, bytes: 64 << 20)
        for record in try file.readLog(after: 0, limit: limit) { try index.take(record) }
    }

    @Test("any version is few steps away, however long the stream")
    func steps() {
        var random = SeededGenerator(seed: 1)
        for length in [1, 63, 64, 65, 4096, 1_000_000, 100_000_000] as [UInt64] {
            for _ in 0..<200 {
                let wanted = UInt64.random(in: 1...length, using: &random)
                var (version, steps) = (length, 0)
                while version != wanted {
                    let skip = StreamLinks.skip(of: version)
                    #expect(skip < version)
                    version = skip >= wanted ? skip : version - 1
                    steps += 1
                }
                let bits = 64 - length.leadingZeroBitCount
                #expect(steps <= 2 * Int(StreamLinks.stride) + bits * bits, "\(steps) steps of \(length)")
            }
        }
    }
}

/// How many events of each stream were acknowledged.
private final class Acknowledged: Sendable {
    private let state = Mutex((counts: [Int: UInt64](), isOver: false))

    var isOver: Bool { state.withLock { $0.isOver } }

    func add(_ stream: Int) { state.withLock { $0.counts[stream, default: 0] += 1 } }

    func count(_ stream: Int) -> UInt64 { state.withLock { $0.counts[stream, default: 0] } }

    func end() { state.withLock { $0.isOver = true } }
}

import EventSourcing
import EventStores
import Operations
import TestSupport
import Testing

@testable import PostgreSQLEventStore

/// A place for a log, of one of the two stores.
private enum Place {
    case database(TestDatabase)
    case file(TemporaryFolder)

    init(_ name: String) throws {
        self = name == "PostgreSQL" ? .database(try TestDatabase()) : .file(try TemporaryFolder())
    }

    var address: StoreAddress {
        switch self {
        case .database(let database): .postgresql(database.string)
        case .file(let folder): .sqlite(path: folder.path + "/log.db")
        }
    }

    func open() throws -> any EventStore { try EventStores.open(address) }
    func source() throws -> any LogSource { try EventStores.source(address) }
}

@Suite("A log that is copied is the same log in the other store")
struct CopyTests {
    static let directions = [("SQLite", "PostgreSQL"), ("PostgreSQL", "SQLite"), ("PostgreSQL", "PostgreSQL")]

    @Test(arguments: directions)
    func whatIsCopiedIsTheSameAndGoesOn(from: String, to: String) throws {
        let (from, to) = (try Place(from), try Place(to))
        var history = try History(seed: 13)
        try history.grow(in: from, appends: 300)
        let head = try copy(from, to)
        try expectSame(from, to, history)
        #expect(try head.position == from.source().head().position)

        // The rest, among it what was decided at the head of the first copy.
        try history.grow(in: from, appends: 200)
        _ = try copy(from, to)
        try expectSame(from, to, history)

        // And back, after it has gone on in the new place.
        try history.grow(in: to, appends: 200)
        _ = try copy(to, from)
        try expectSame(to, from, history)
    }

    @Test(arguments: ["SQLite", "PostgreSQL"])
    func aPartIsContinuedFromAnyAppend(to: String) throws {
        let from = try Place("SQLite")
        var history = try History(seed: 14)
        try history.grow(in: from, appends: 60)
        let records = try from.source().readLog(after: 0, limit: ReadLimit(events: 10_000))
        for record in records where !record.continues && record.position % 7 == 0 {
            let place = try Place(to)
            let part = try EventStores.destination(place.address, for: from.source().logID).closing {
                try LogCopy(from: from.source(), to: $0).run(upTo: record.position)
            }
            #expect(part == PinnedHead(position: record.position, hash: record.hash))
            _ = try copy(from, place)
            try expectSame(from, place, history)
        }
    }

    @Test(arguments: ["SQLite", "PostgreSQL"])
    func nothingIsAddedThatDoesNotFollow(to: String) throws {
        let (from, to) = (try Place("SQLite"), try Place(to))
        var history = try History(seed: 15)
        try history.grow(in: from, appends: 20)
        let source = try from.source()
        let records = try source.readLog(after: 0, limit: ReadLimit(events: 4))
        let last = try #require(try source.last())
        func refuse(_ records: [RecordedEvent]) throws {
            let destination = try EventStores.destination(to.address, for: source.logID)
            #expect(throws: (any Error).self) { try destination.append(records, []) }
            try destination.close()
            #expect(try to.source().head().position == 0)
        }
        try refuse(Array(records.dropFirst()))
        try refuse([last])
        var altered = records
        let first = records[0]
        altered[0] = RecordedEvent(
            position: 1, stream: first.stream, streamVersion: 1, recordedAt: first.recordedAt, event: event("{}"),
            continues: first.continues, hash: first.hash)
        try refuse(altered)
    }

    @Test(arguments: directions)
    func aCopyThatEndsAmongTheKeysOfOnePositionGoesOn(from: String, to: String) throws {
        let (from, to) = (try Place(from), try Place(to))
        var history = try History(seed: 16)
        try history.grow(in: from, appends: 5)
        try history.refuse(in: from, count: 9000)
        try history.grow(in: from, appends: 5)
        let source = try from.source()
        // Of three steps the second one fails.
        #expect(throws: StoreObstacle.self) {
            try EventStores.destination(to.address, for: source.logID).closing { destination in
                try LogCopy(from: source, to: Failing(destination, after: 1)).run()
            }
        }
        let part = try to.source().head().position
        #expect(0 < part && part < history.lastRefused + 1)
        _ = try copy(from, to)
        try expectSame(from, to, history)
    }

    private func copy(_ from: Place, _ to: Place) throws -> PinnedHead {
        let source = try from.source()
        return try EventStores.destination(to.address, for: source.logID).closing {
            try LogCopy(from: source, to: $0).run()
        }
    }

    private func expectSame(_ from: Place, _ to: Place, _ history: History) throws {
        let (one, other) = (try from.source(), try to.source())
        #expect(one.logID == other.logID)
        let all = ReadLimit(events: 5000, bytes: 64 << 20)
        #expect(try one.readLog(after: 0, limit: all) == other.readLog(after: 0, limit: all))
        #expect(try keys(of: one) == keys(of: other))
        try other.requireSound()
        // Found by the ways of the store, too.
        let (old, new) = (try from.open(), try to.open())
        defer { for store in [old, new] { do { try store.close() } catch { Issue.record(error) } } }
        for index in stride(from: 0, to: history.keys.count, by: 1 + history.keys.count / 300) {
            let key = history.keys[index]
            let (known, found) = (
                try old.outcome(of: key.key, in: key.scope), try new.outcome(of: key.key, in: key.scope)
            )
            #expect(known?.fingerprint == found?.fingerprint && known?.outcome == found?.outcome)
            #expect(found != nil)
        }
        for stream in history.streams {
            #expect(try old.readStream(stream, after: 0, limit: all) == new.readStream(stream, after: 0, limit: all))
            #expect(try new.readStream(stream, after: 65, limit: all).events.first?.streamVersion ?? 66 == 66)
        }
    }

    private func keys(of source: any LogSource) throws -> Set<RecordedKey> {
        let keys = try source.keys(from: 0)
        var all: [RecordedKey] = []
        while let key = try keys.next() { all.append(key) }
        #expect(all.map(\.position) == all.map(\.position).sorted())
        return Set(all)
    }
}

/// Appends to some streams, by chance: of one stream or several, under a key or not, of events or of none.
private struct History {
    private(set) var keys: [(key: [UInt8], scope: StreamID)] = []
    let streams: [StreamID]
    /// Where commands were refused.
    private(set) var lastRefused: UInt64 = 0
    private var generator: SeededGenerator

    init(seed: UInt64) throws {
        generator = SeededGenerator(seed: seed)
        streams = try (0..<4).map { try stream("s-\($0)") }
    }

    mutating func grow(in place: Place, appends: Int) throws {
        let store = try place.open()
        defer { do { try store.close() } catch { Issue.record(error) } }
        var rest = appends
        while rest > 0 {
            let requests = (0..<min(rest, Int.random(in: 1...20, using: &generator))).map { _ in request() }
            rest -= requests.count
            for result in try store.append(requests).results {
                guard case .committed = result else {
                    Issue.record("\(result)")
                    continue
                }
            }
        }
    }

    /// Has commands refused under keys, at one position.
    mutating func refuse(in place: Place, count: Int) throws {
        let store = try place.open()
        defer { do { try store.close() } catch { Issue.record(error) } }
        for _ in 0..<(count / 1000) {
            let requests = (0..<1000).map { index in
                let key = Array("refused-\(keys.count)".utf8)
                keys.append((key, streams[index % streams.count]))
                return AppendRequest(
                    command: CommandKey(key: key, fingerprint: Digest256(9, 9, 9, UInt64(index)), outcome: [1, 2, 3]),
                    writes: [StreamWrite(stream: streams[index % streams.count], expected: .any, events: [])])
            }
            _ = try store.append(requests)
        }
        lastRefused = try store.head().position
    }

    private mutating func request() -> AppendRequest {
        let isKeyed = Bool.random(using: &generator)
        let isRefusal = isKeyed && Int.random(in: 0..<4, using: &generator) == 0
        let chosen = streams.shuffled(using: &generator).prefix(Int.random(in: 1...3, using: &generator))
        let writes = chosen.enumerated().map { index, stream in
            let count = isRefusal ? 0 : index == 0 ? 1 : Int.random(in: 0...2, using: &generator)
            return StreamWrite(stream: stream, expected: .any, events: (0..<count).map { _ in event() })
        }
        var command: CommandKey?
        if isKeyed {
            let key = Array("key-\(keys.count)".utf8)
            keys.append((key, writes[0].stream))
            command = CommandKey(
                key: key, fingerprint: Digest256(UInt64(keys.count), 1, 2, 3),
                outcome: (0..<Int.random(in: 0...40, using: &generator)).map { UInt8($0) })
        }
        return AppendRequest(command: command, writes: writes)
    }
}

/// A destination that fails at some step.
private final class Failing: LogDestination {
    private let destination: any LogDestination
    private var rest: Int

    init(_ destination: any LogDestination, after steps: Int) {
        self.destination = destination
        rest = steps
    }

    var place: String { destination.place }
    var head: LogHead { destination.head }

    func append(_ records: [RecordedEvent], _ keys: [RecordedKey]) throws {
        guard rest > 0 else { throw StoreObstacle(.full, "the test wants it so") }
        rest -= 1
        try destination.append(records, keys)
    }

    func keep(_ snapshots: [Snapshot]) throws { try destination.keep(snapshots) }
    func close() throws { try destination.close() }
}

import EventSourcing
import Foundation
import GRDB
import SQLiteEventStore
import TestSupport
import Testing

@Suite("Files of older schema versions")
struct UpgradeTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private let stream = StreamID(category: "account", name: "acc-001")!
    private let other = StreamID(category: "account", name: "b")!

    /// Makes a log with events and keys, as older versions of the schema had it: before version 4 without what appends
    /// over several streams need, before version 3 with an index over stream and version in the place of links and heads,
    /// and version 1 without the table of snapshots.
    private func makeFile(ofVersion version: Int) throws -> [RecordedEvent] {
        let store = try SQLiteEventStore(path: folder.database)
        // One by one: no record of an older program says that its append goes on.
        for amount in 1...3 { _ = try store.append([append([#"{"amount":"\#(amount).00"}"#])]) }
        let key = CommandKey(key: Array("k".utf8), fingerprint: Digest256(1, 0, 0, 0), outcome: [1, 2, 3])
        _ = try store.append([
            AppendRequest(command: key, writes: [StreamWrite(stream: stream, expected: .exactly(3), events: [])])
        ])
        let several = [stream, other].map { StreamWrite(stream: $0, expected: .any, events: []) }
        let second = CommandKey(key: Array("several".utf8), fingerprint: Digest256(2, 0, 0, 0), outcome: [])
        _ = try store.append([AppendRequest(command: second, writes: several)])
        let records = try store.readLog(after: 0, limit: ReadLimit(events: 100))
        try store.close()
        try DatabaseQueue(path: folder.database).write { database in
            try database.execute(
                sql: """
                    ALTER TABLE events DROP COLUMN continues; ALTER TABLE command_keys DROP COLUMN streams;
                    PRAGMA user_version = \(version)
                    """)
            if version == 3 { return }
            try database.execute(
                sql: """
                    DROP TABLE stream_links; DROP TABLE stream_heads; DROP TABLE stream_heads_until;
                    CREATE UNIQUE INDEX events_by_stream ON events (category, stream, version);
                    """)
            if version == 1 { try database.execute(sql: "DROP TABLE snapshots") }
        }
        return records
    }

    private func schema(_ path: String) throws -> [String] {
        try DatabaseQueue(path: path).read { database in
            let version = try String.fetchOne(database, sql: "PRAGMA user_version") ?? ""
            return try [version]
                + String.fetchAll(database, sql: "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name")
        }
    }

    @Test("I10: an older file is upgraded and keeps all that it holds", arguments: [1, 2, 3])
    func keepsAll(_ version: Int) throws {
        let records = try makeFile(ofVersion: version)
        let id = try SQLiteLogFile(path: folder.database).logID
        for _ in 0..<2 {
            let store = try SQLiteEventStore(path: folder.database)
            #expect(store.logID == id)
            #expect(try store.head().position == 3)
            #expect(try store.head().hash == records.last?.hash)
            #expect(try store.readLog(after: 0, limit: ReadLimit(events: 100)) == records)
            let bound = try store.outcome(of: Array("k".utf8), in: stream)
            #expect(bound?.fingerprint == Digest256(1, 0, 0, 0))
            #expect(bound?.outcome.outcome == [1, 2, 3])
            // Of several streams an older program kept the versions, and the name of the first.
            let several = try store.outcome(of: Array("several".utf8), in: stream)?.outcome
            #expect(several?.streams == [stream] && several?.commit.streamVersions == [3, 0])
            for version in 0...3 as ClosedRange<UInt64> {
                let slice = try store.readStream(stream, after: version, limit: ReadLimit(events: 100))
                #expect(slice.events == Array(records.dropFirst(Int(version))) && slice.version == 3)
            }
            try store.close()
        }
    }

    @Test("an upgraded file has the tables of a new one", arguments: [1, 2, 3])
    func tables(_ version: Int) throws {
        _ = try makeFile(ofVersion: version)
        #expect(try schema(folder.database).first == "\(version)")
        try SQLiteEventStore(path: folder.database).close()
        let new = folder.path + "/new.db"
        try SQLiteEventStore(path: new).close()
        #expect(try schema(folder.database) == schema(new))
    }

    @Test("an upgraded file takes events and snapshots")
    func goesOn() throws {
        let records = try makeFile(ofVersion: 1)
        let snapshot = Snapshot(
            stream: stream, version: 3, lastEvent: records[2].event.id, createdAt: records[0].recordedAt,
            updatedAt: records[2].recordedAt, fingerprint: Digest256(5, 0, 0, 0), state: [7])
        let store = try SQLiteEventStore(path: folder.database)
        #expect(try store.keep([snapshot]) == [true])
        let (_, appended) = try store.append([append([#"{"amount":"4.00"}"#])])
        #expect(appended.first?.position == 4)
        #expect(
            appended.first.map { HashChain.hash(of: $0, after: records[2].hash, in: store.logID) }
                == appended.first?.hash)
        try store.close()
        let again = try SQLiteEventStore(path: folder.database)
        #expect(try again.snapshot(of: stream, fingerprint: Digest256(5, 0, 0, 0), atMost: .max) == snapshot)
        try again.close()
    }

    @Test("an upgrade from version 3 leaves the rows as they are, however many there are")
    func costsNothing() throws {
        let store = try SQLiteEventStore(path: folder.database)
        for _ in 0..<50 { _ = try store.append((0..<100).map { try append(["{}"], to: "a-\($0)") }) }
        let records = try store.readLog(after: 0, limit: ReadLimit(events: 10_000, bytes: .max))
        try store.close()
        try DatabaseQueue(path: folder.database).write { database in
            try database.execute(
                sql: """
                    ALTER TABLE events DROP COLUMN continues; ALTER TABLE command_keys DROP COLUMN streams;
                    PRAGMA user_version = 3
                    """)
        }
        func pages() throws -> [Data] {
            let file = try Data(contentsOf: URL(filePath: folder.database))
            return stride(from: 0, to: file.count, by: 4096).map { file[$0..<($0 + 4096)] }
        }
        let before = try pages()
        try SQLiteEventStore(path: folder.database).close()
        let after = try pages()
        #expect(before.count > 100 && abs(after.count - before.count) <= 2)
        // The first page, and those of the schema.
        let changed = zip(before, after).count { $0 != $1 }
        #expect(changed <= 3)
        let upgraded = try SQLiteEventStore(path: folder.database)
        #expect(try upgraded.readLog(after: 0, limit: ReadLimit(events: 10_000, bytes: .max)) == records)
        try upgraded.close()
    }

    @Test("an upgraded file takes appends over several streams")
    func takesAppends() throws {
        let records = try makeFile(ofVersion: 3)
        let store = try SQLiteEventStore(path: folder.database)
        let writes = try append(["{}"], to: "acc-001").writes + append(["{}", "{}"], to: "b").writes
        let key = CommandKey(key: [1], fingerprint: Digest256(1, 0, 0, 0), outcome: [])
        let (_, appended) = try store.append([AppendRequest(command: key, writes: writes)])
        #expect(appended.map(\.continues) == [true, true, false])
        try store.close()
        let again = try SQLiteEventStore(path: folder.database)
        #expect(try again.readLog(after: 0, limit: ReadLimit(events: 10)) == records + appended)
        #expect(try again.outcome(of: [1], in: stream)?.outcome.streams == [stream, other])
        try again.close()
    }

    @Test("an older file can be looked at, copied and cut without being upgraded", arguments: [1, 2, 3])
    func offline(_ version: Int) throws {
        let records = try makeFile(ofVersion: version)
        let file = try SQLiteLogFile(path: folder.database)
        #expect(try file.readLog(after: 0, limit: ReadLimit(events: 100, bytes: 64 << 20)) == records)
        #expect(try file.last() == records.last)
        #expect(try file.snapshots(after: nil, limit: 10).isEmpty)
        let keys = try file.keys(from: 0)
        #expect(try keys.next()?.outcome.streams == [stream])
        #expect(try keys.next()?.outcome.streams == [stream])
        #expect(try keys.next() == nil)
        try SQLiteLogCopy.make(of: file, at: folder.path + "/whole.db") { _ in }
        try SQLiteLogCopy.make(of: file, at: folder.path + "/cut.db", upTo: 2) { (copy) throws in
            #expect(try copy.readLog(after: 0, limit: ReadLimit(events: 100)) == Array(records.prefix(2)))
        }
        #expect(try schema(folder.database).first == "\(version)")
    }
}

import EventSourcing
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

    /// Makes a log with events and a key, as older versions of the schema had it: with an index over stream and version
    /// in the place of links and heads, and version 1 without the table of snapshots.
    private func makeFile(ofVersion version: Int) throws -> [RecordedEvent] {
        let store = try SQLiteEventStore(path: folder.database)
        _ = try store.append([append([#"{"amount":"1.00"}"#, #"{"amount":"2.00"}"#, #"{"amount":"3.00"}"#])])
        let key = CommandKey(key: Array("k".utf8), fingerprint: Digest256(1, 0, 0, 0), outcome: [1, 2, 3])
        _ = try store.append([
            AppendRequest(command: key, writes: [StreamWrite(stream: stream, expected: .exactly(3), events: [])])
        ])
        let records = try store.readLog(after: 0, limit: ReadLimit(events: 100))
        try store.close()
        try DatabaseQueue(path: folder.database).write { database in
            try database.execute(
                sql: """
                    DROP TABLE stream_links; DROP TABLE stream_heads; DROP TABLE stream_heads_until;
                    CREATE UNIQUE INDEX events_by_stream ON events (category, stream, version);
                    PRAGMA user_version = \(version)
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

    @Test("I10: an older file is upgraded and keeps all that it holds", arguments: [1, 2])
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
            for version in 0...3 as ClosedRange<UInt64> {
                let slice = try store.readStream(stream, after: version, limit: ReadLimit(events: 100))
                #expect(slice.events == Array(records.dropFirst(Int(version))) && slice.version == 3)
            }
            try store.close()
        }
    }

    @Test("an upgraded file has the tables of a new one", arguments: [1, 2])
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

    @Test("a file of version 1 can be looked at without being upgraded")
    func offline() throws {
        let records = try makeFile(ofVersion: 1)
        let file = try SQLiteLogFile(path: folder.database)
        #expect(try file.readLog(after: 0, limit: 100) == records)
        #expect(try file.snapshots(fingerprint: Digest256(5, 0, 0, 0)).isEmpty)
        #expect(try schema(folder.database).first == "1")
    }
}

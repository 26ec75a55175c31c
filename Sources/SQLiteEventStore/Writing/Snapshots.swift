internal import EventSourcing
internal import EventStoreRules
internal import GRDB

/// The table of snapshots.
enum Snapshots {
    /// Keeps a snapshot, within a transaction.
    ///
    /// - Returns: false where the stream has no event of this version and id.
    static func keep(_ snapshot: Snapshot, head: StreamHead, _ database: Database) throws -> Bool {
        guard snapshot.state.count <= Snapshot.longestState,
            try ConflictCheck.event(at: snapshot.version, of: snapshot.stream, head, database) == snapshot.lastEvent
        else { return false }
        let row = try PreparedStatement("INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?, ?, ?, ?, ?, ?)", database)
        try row.bind(snapshot.stream.category, at: 1)
        try row.bind(snapshot.stream.name, at: 2)
        try row.bind(snapshot.version, at: 3)
        try row.bind(snapshot.fingerprint, at: 4)
        try row.bind(snapshot.lastEvent, at: 5)
        try row.bind(snapshot.createdAt.microseconds, at: 6)
        try row.bind(snapshot.updatedAt.microseconds, at: 7)
        try snapshot.state.withUnsafeBytes { try row.bind($0, at: 8) }
        try row.run()
        return true
    }

    /// Forgets a snapshot.
    static func drop(
        of stream: StreamID, fingerprint: Digest256, version: UInt64, _ database: Database
    ) throws {
        let row = try PreparedStatement(
            "DELETE FROM snapshots WHERE category = ? AND stream = ? AND version = ? AND fingerprint = ?", database)
        try row.bind(stream.category, at: 1)
        try row.bind(stream.name, at: 2)
        try row.bind(version, at: 3)
        try row.bind(fingerprint, at: 4)
        try row.run()
    }

    /// Forgets the snapshots that are not of any event, after events were taken away.
    static func dropForeign(_ database: Database) throws {
        let rows = try PreparedStatement(
            "SELECT category, stream, version, fingerprint, last_event FROM snapshots", database)
        var foreign: [(stream: StreamID, fingerprint: Digest256, version: UInt64)] = []
        while try rows.step() {
            guard let stream = StreamID(category: rows.text(at: 0), name: rows.text(at: 1)),
                let fingerprint = rows.digest(at: 3)
            else { throw SQLiteEventStoreError(.damaged, "a snapshot of \(rows.text(at: 1).printable) cannot be read") }
            let version = UInt64(clamping: rows.integer(at: 2))
            let head = try StreamHeadTable.load(stream, from: database)
            let event = try ConflictCheck.event(at: version, of: stream, head, database)
            if event == nil || event != rows.uniqueID(at: 4) { foreign.append((stream, fingerprint, version)) }
        }
        for snapshot in foreign {
            try drop(of: snapshot.stream, fingerprint: snapshot.fingerprint, version: snapshot.version, database)
        }
    }

    /// The newest snapshot at a version or before it.
    static func find(
        _ stream: StreamID, _ head: StreamHead, fingerprint: Digest256, atMost version: UInt64, _ database: Database
    ) throws -> Snapshot? {
        let row = try PreparedStatement(
            """
            SELECT version, last_event, created_at, updated_at, state FROM snapshots
            WHERE category = ? AND stream = ? AND version <= ? AND fingerprint = ? ORDER BY version DESC LIMIT 1
            """, database)
        defer { row.reset() }
        try row.bind(stream.category, at: 1)
        try row.bind(stream.name, at: 2)
        try row.bind(version, at: 3)
        try row.bind(fingerprint, at: 4)
        // One that is damaged, or of another history, is as good as none: the events have everything.
        guard try row.step(), row.integer(at: 0) > 0, let lastEvent = row.uniqueID(at: 1),
            let createdAt = row.timestamp(at: 2), let updatedAt = row.timestamp(at: 3),
            try ConflictCheck.event(at: row.ordinal(at: 0), of: stream, head, database) == lastEvent
        else { return nil }
        return Snapshot(
            stream: stream, version: row.ordinal(at: 0), lastEvent: lastEvent, createdAt: createdAt,
            updatedAt: updatedAt, fingerprint: fingerprint, state: row.bytes(at: 4))
    }
}

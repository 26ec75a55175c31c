internal import EventSourcing

/// The table of snapshots.
enum Snapshots {
    /// Asks for the event that a snapshot was made at; see ``isOfHistory(_:_:)``.
    static func event(of snapshot: Snapshot, _ slots: IndexSlot, _ bound: ReadBound) -> Statement {
        StreamQueries.event(of: snapshot.stream, slots.hash(of: snapshot.stream), bound, at: snapshot.version)
    }

    /// Whether the stream has the event that a snapshot was made at.
    static func isOfHistory(_ snapshot: Snapshot, _ rows: Rows) -> Bool {
        1...RecordedEvent.maxOrdinal ~= snapshot.version && snapshot.state.count <= Snapshot.longestState
            && rows.first?.id(at: 0) == snapshot.lastEvent
    }

    /// Keeps a snapshot in the place of one of the same stream, version and fingerprint.
    static func keep(_ snapshot: Snapshot) -> Statement {
        Statement(
            """
            INSERT INTO daybook.snapshots VALUES ($1, $2, $3, $4, $5, $6, $7)
            ON CONFLICT (stream, fingerprint, version) DO UPDATE
            SET last_event = $4, created_at = $5, updated_at = $6, state = $7
            """,
            [
                .text(snapshot.stream.description), .ordinal(snapshot.version), .bytes(snapshot.fingerprint.bytes),
                .id(snapshot.lastEvent), .time(snapshot.createdAt), .time(snapshot.updatedAt), .bytes(snapshot.state),
            ])
    }

    /// Forgets a snapshot.
    static func drop(of stream: StreamID, fingerprint: Digest256, version: UInt64) -> Statement {
        Statement(
            "DELETE FROM daybook.snapshots WHERE stream = $1 AND fingerprint = $2 AND version = $3",
            [.text(stream.description), .bytes(fingerprint.bytes), .ordinal(version)])
    }

    /// The newest snapshot at a version or before it.
    static func find(
        _ stream: StreamID, fingerprint: Digest256, atMost version: UInt64, _ reader: LogReader
    ) throws -> Snapshot? {
        let rows = try reader.connection.run(
            Statement(
                """
                SELECT version, last_event, created_at, updated_at, state FROM daybook.snapshots
                WHERE stream = $1 AND fingerprint = $2 AND version <= $3 ORDER BY version DESC LIMIT 1
                """, [.text(stream.description), .bytes(fingerprint.bytes), .ordinal(version)],
                returning: [.int8, .uuid, .timestamptz, .timestamptz, .bytea]), within: reader.limit)
        // One that is damaged, or of another history, is as good as none: the events have everything.
        guard let row = rows.first, let version = row.ordinal(at: 0), version > 0, let lastEvent = row.id(at: 1),
            let createdAt = row.time(at: 2), let updatedAt = row.time(at: 3), let state = row.bytes(at: 4),
            state.count <= Snapshot.longestState, try reader.event(of: stream, at: version) == lastEvent
        else { return nil }
        return Snapshot(
            stream: stream, version: version, lastEvent: lastEvent, createdAt: createdAt, updatedAt: updatedAt,
            fingerprint: fingerprint, state: state)
    }
}

internal import EventSourcing
internal import EventStoreRules

/// Reads the snapshots of a log page by page.
enum SnapshotPages {
    private static let columns: [ServerType] = [.text, .int8, .bytea, .uuid, .timestamptz, .timestamptz, .bytea]

    private static let text = """
        SELECT stream, version, fingerprint, last_event, created_at, updated_at, state FROM daybook.snapshots
        WHERE (stream, fingerprint, version) > ($2, $3, $4) ORDER BY stream, fingerprint, version LIMIT $1
        """

    /// Snapshots in the order of their primary key, after one of them; nil: from the first one on.
    ///
    /// - Throws: `damaged` for one that cannot be read; ``ConnectionFailure``.
    static func page(after last: Snapshot?, limit: Int, _ connection: Connection) throws -> [Snapshot] {
        let rows = try connection.run(
            Statement(
                text,
                [
                    .integer(Int64(limit)), .text(last?.stream.description ?? ""),
                    .bytes(last?.fingerprint.bytes ?? []), .ordinal(last?.version ?? 0),
                ], returning: columns), within: OfflineSession.limit)
        return try (0..<rows.count).map { index in
            let row = rows[index]
            guard let stream = row.text(at: 0).flatMap({ StreamID($0) }), let version = row.ordinal(at: 1),
                let fingerprint = row.digest(at: 2), let lastEvent = row.id(at: 3), let createdAt = row.time(at: 4),
                let updatedAt = row.time(at: 5), let state = row.bytes(at: 6), state.count <= Snapshot.longestState
            else {
                throw PostgreSQLEventStoreError(
                    .damaged, "a snapshot of \((row.text(at: 0) ?? "").printable) cannot be read")
            }
            return Snapshot(
                stream: stream, version: version, lastEvent: lastEvent, createdAt: createdAt, updatedAt: updatedAt,
                fingerprint: fingerprint, state: state)
        }
    }
}

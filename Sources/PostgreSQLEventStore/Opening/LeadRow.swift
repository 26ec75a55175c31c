internal import EventSourcing

/// The writer's row, as whoever wants the lead finds it.
struct LeadRow: Sendable {
    /// The greatest number of transactions that can be: counting on from it never overflows.
    static let maxChanges: Int64 = 1 << 62

    let owner: UniqueID
    let epoch: Int64
    let changes: Int64
    /// Who leads and since when, for people.
    let leader: String
    let since: Timestamp
    /// How long ago the leader wrote last, by the server's clock.
    let age: Duration
    /// Whether the leader held the advisory lock on this very run of this server: if the lock is free, its session is over.
    let isOfThisRun: Bool
    /// Whether the leader gave the lead back.
    let isReleased: Bool

    /// Reads it; nil: there is no log yet.
    ///
    /// - Throws: `damaged`, with the column and its value, if no Daybook wrote it; ``ConnectionFailure``.
    static func read(_ connection: Connection, within limit: Duration) throws -> LeadRow? {
        let rows: Rows
        do throws(ConnectionFailure) {
            rows = try connection.run(
                Statement(
                    """
                    SELECT owner, epoch, changes, pg_catalog.left(leader, 300), led_since,
                        CASE WHEN pg_catalog.isfinite(renewed_at) THEN
                            ((extract(epoch FROM pg_catalog.clock_timestamp()) - extract(epoch FROM renewed_at)) * 1000)::bigint
                        END,
                        server_run = \(Lead.currentRun), released, position
                    FROM daybook.writer
                    """, returning: [.uuid, .int8, .int8, .text, .timestamptz, .int8, .bool, .bool, .int8]),
                within: limit)
        } catch {
            // 42P01, 3F000: no such table or schema.
            if case .refused(let message, _) = error, ["42P01", "3F000"].contains(message.state) { return nil }
            throw error
        }
        guard let row = rows.first else { return nil }
        // 0: nobody has led yet.
        guard let epoch = row.integer(at: 1), epoch >= 0 else { throw damaged("epoch", row.integer(at: 1)) }
        guard let changes = row.integer(at: 2), 0...maxChanges ~= changes else {
            throw damaged("changes", row.integer(at: 2))
        }
        // It is used once the epoch is raised: then the former leader would be deposed already.
        guard row.ordinal(at: 8) != nil else { throw damaged("position", row.integer(at: 8)) }
        guard let age = row.integer(at: 5) else { throw damaged("renewed_at") }
        guard let since = row.time(at: 4) else { throw damaged("led_since") }
        guard let owner = row.id(at: 0), let leader = row.text(at: 3), let isOfThisRun = row.bool(at: 6),
            let isReleased = row.bool(at: 7)
        else { throw damaged("owner, leader, server_run or released") }
        return LeadRow(
            owner: owner, epoch: epoch, changes: changes, leader: leader, since: since, age: .milliseconds(age),
            isOfThisRun: isOfThisRun, isReleased: isReleased)
    }

    private static func damaged(_ column: String, _ value: Int64? = nil) -> PostgreSQLEventStoreError {
        PostgreSQLEventStoreError(
            .damaged,
            "the writer's row, in daybook.writer, has \(value.map { "\(column) = \($0)" } ?? "no valid \(column)"), which no "
                + "Daybook wrote: restore a backup")
    }
}

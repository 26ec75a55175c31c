internal import EventSourcing

/// The writer's row, as whoever wants the lead finds it.
struct LeadRow: Sendable {
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
    static func read(_ connection: Connection, within limit: Duration) throws(ConnectionFailure) -> LeadRow? {
        let rows: Rows
        do {
            rows = try connection.run(
                Statement(
                    """
                    SELECT owner, epoch, changes, leader, led_since,
                        (extract(epoch FROM pg_catalog.clock_timestamp() - renewed_at) * 1000)::bigint,
                        server_run = \(Lead.currentRun), released
                    FROM daybook.writer
                    """, returning: [.uuid, .int8, .int8, .text, .timestamptz, .int8, .bool, .bool]), within: limit)
        } catch {
            // 42P01, 3F000: no such table or schema.
            if case .refused(let message, _) = error, ["42P01", "3F000"].contains(message.state) { return nil }
            throw error
        }
        guard let row = rows.first else { return nil }
        guard let owner = row.id(at: 0), let epoch = row.integer(at: 1), let changes = row.integer(at: 2),
            let leader = row.text(at: 3), let since = row.time(at: 4), let age = row.integer(at: 5),
            let isOfThisRun = row.bool(at: 6), let isReleased = row.bool(at: 7)
        else { throw .unexpected("the writer's row") }
        return LeadRow(
            owner: owner, epoch: epoch, changes: changes, leader: leader, since: since, age: .milliseconds(age),
            isOfThisRun: isOfThisRun, isReleased: isReleased)
    }
}

public import EventSourcing
internal import EventStoreRules
internal import GRDB

/// The snapshots of a file, page by page.
extension SQLiteLogFile {
    /// At most `limit` snapshots in the order of their table, after one of them; nil: from the first one on.
    ///
    /// - Throws: ``SQLiteEventStoreError`` `damaged` for one that cannot be read.
    public func snapshots(after last: Snapshot?, limit: Int) throws -> [Snapshot] {
        try read { database in
            guard try database.tableExists("snapshots") else { return [] }
            let rows = try PreparedStatement(
                "SELECT category, stream, version, last_event, created_at, updated_at, state, fingerprint FROM snapshots "
                    + (last == nil ? "" : "WHERE (category, stream, version, fingerprint) > (?2, ?3, ?4, ?5) ")
                    + "ORDER BY category, stream, version, fingerprint LIMIT ?1", database)
            defer { rows.reset() }
            try rows.bind(Int64(limit), at: 1)
            if let last {
                try rows.bind(last.stream.category, at: 2)
                try rows.bind(last.stream.name, at: 3)
                try rows.bind(last.version, at: 4)
                try rows.bind(last.fingerprint, at: 5)
            }
            var snapshots: [Snapshot] = []
            while try rows.step() {
                guard let stream = StreamID(category: rows.text(at: 0), name: rows.text(at: 1)),
                    let lastEvent = rows.uniqueID(at: 3), let createdAt = rows.timestamp(at: 4),
                    let updatedAt = rows.timestamp(at: 5), let fingerprint = rows.digest(at: 7)
                else {
                    throw SQLiteEventStoreError(
                        .damaged, "a snapshot of \(rows.text(at: 1).printable) cannot be read")
                }
                snapshots.append(
                    Snapshot(
                        stream: stream, version: rows.ordinal(at: 2), lastEvent: lastEvent, createdAt: createdAt,
                        updatedAt: updatedAt, fingerprint: fingerprint, state: rows.bytes(at: 6)))
            }
            return snapshots
        }
    }
}

public import EventSourcing
internal import EventStoreRules
internal import GRDB

/// The command keys of a file, in the order of their positions, which is not that of their table.
extension SQLiteLogFile {
    private static let keysOfAPage: Int64 = 200

    /// The command keys that were decided at a position or after it, as they are now.
    ///
    /// They are put in order in a temporary file of SQLite's, as large as they are together (`SQLITE_TMPDIR`, else `TMPDIR`,
    /// else `/var/tmp`), so that neither memory nor the service has to hold them.
    public func keys(from position: UInt64) throws -> RecordedKeys {
        let queue = try attempt {
            // A connection of its own, with which the temporary table goes.
            let queue = try Self.open(path)
            try queue.writeWithoutTransaction { database in
                guard try Schema.logID(database, path: path) == logID else {
                    throw SQLiteEventStoreError(
                        .otherLog, "another file was put in the place of \(path) while it was read")
                }
                let streams = try Schema.hasAppends(database) ? "streams" : "NULL"
                try database.execute(
                    sql: """
                        CREATE TEMP TABLE ordered_keys AS
                        SELECT category, stream, key, outcome, position, recorded_at, stream_versions, fingerprint,
                            \(streams) AS streams
                        FROM main.command_keys WHERE position >= ? ORDER BY position
                        """, arguments: [Int64(clamping: position)])
            }
            return queue
        }
        var row: Int64 = 0
        return RecordedKeys { [self] in
            let page = try attempt { try queue.read { try Self.page(of: $0, after: row) } }
            row += Int64(page.count)
            return page
        }
    }

    /// The next keys; rows of the temporary table are numbered from 1.
    private static func page(of database: Database, after row: Int64) throws -> [RecordedKey] {
        let rows = try PreparedStatement(
            "SELECT category, stream, key, outcome, position, recorded_at, stream_versions, fingerprint, streams "
                + "FROM temp.ordered_keys WHERE rowid > ? ORDER BY rowid LIMIT ?", database)
        defer { rows.reset() }
        try rows.bind(row, at: 1)
        try rows.bind(keysOfAPage, at: 2)
        var keys: [RecordedKey] = []
        while try rows.step() { keys.append(try key(rows)) }
        return keys
    }

    private static func key(_ row: PreparedStatement) throws -> RecordedKey {
        let (category, name) = (row.text(at: 0), row.text(at: 1))
        guard let scope = StreamID(category: category, name: name),
            let versions = StreamVersions.decode(row.bytes(at: 6)),
            let streams = StreamNames.decode(row.bytes(at: 8), scope: scope, count: versions.count),
            let fingerprint = row.digest(at: 7), let recordedAt = row.timestamp(at: 5)
        else {
            throw SQLiteEventStoreError(
                .damaged,
                "a command key of \(category.printable)/\(name.printable) is damaged: its fingerprint, time, "
                    + "streams or their versions cannot be read"
            )
        }
        let commit = Commit(position: row.ordinal(at: 4), recordedAt: recordedAt, streamVersions: versions)
        return RecordedKey(
            scope: scope, key: row.bytes(at: 2), fingerprint: fingerprint,
            outcome: KeyedOutcome(streams: streams, commit: commit, outcome: row.bytes(at: 3)))
    }
}

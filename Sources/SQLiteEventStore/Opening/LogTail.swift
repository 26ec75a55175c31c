internal import EventSourcing
internal import GRDB

/// The end of a log, checked before anything is appended to it.
enum LogTail {
    /// The head of the log.
    ///
    /// - Throws: `damaged`, with the position, where the last record is not what was written: its hash does not follow
    ///   from the record before it, or the index of its stream does not end with it, or its append goes on after it.
    static func load(_ database: Database, logID: UniqueID, _ heads: StreamHeads) throws -> LogHead {
        let genesis = HashChain.genesis(of: logID)
        let lastRow = try PreparedStatement(
            "SELECT \(EventRow.columns) FROM events ORDER BY position DESC LIMIT 1", database)
        defer { lastRow.reset() }
        guard try lastRow.step() else {
            return LogHead(position: 0, hash: genesis, recordedAt: Timestamp(microseconds: 0))
        }
        let last = try EventRow.record(EventRow.view(lastRow, in: logID))
        guard last.position > 0 else {
            throw SQLiteEventStoreError.damaged(at: last.position, "positions begin with 1")
        }
        var previous = genesis
        if last.position > 1 {
            // A missing record before it throws by itself.
            let limit = ReadLimit(events: 1)
            try LogReader.readUnproven(database, logID, after: last.position - 2, limit: limit) { before in
                guard before.header.recordedAt <= last.recordedAt else {
                    throw SQLiteEventStoreError.damaged(at: last.position, "it is older than the record before it")
                }
                previous = before.header.hash
            }
        }
        guard HashChain.hash(of: last, after: previous, in: logID) == last.hash else {
            throw SQLiteEventStoreError.damaged(
                at: last.position, "its hash does not follow from its content and the record before it")
        }
        guard !last.continues else {
            throw SQLiteEventStoreError.damaged(at: last.position, SQLiteEventStoreError.endIsMissing)
        }
        let indexed = try heads.head(of: last.stream, database)
        guard indexed.version == last.streamVersion, indexed.lastEvent == last.event.id else {
            throw SQLiteEventStoreError.damaged(
                at: last.position,
                "it is version \(last.streamVersion) of \(last.stream), which ends with version "
                    + "\(indexed.version)")
        }
        return LogHead(position: last.position, hash: last.hash, recordedAt: last.recordedAt)
    }
}

internal import EventSourcing

/// The end of a log, checked before anything is appended to it.
enum LogTail {
    /// The position of the last record; 0 if there is none.
    static func position(_ connection: Connection, within limit: Duration) throws(ConnectionFailure) -> UInt64 {
        try connection.run(
            Statement("SELECT coalesce(max(position), 0) FROM daybook.records", returning: [.int8]), within: limit
        ).first?.ordinal(at: 0) ?? 0
    }

    /// The head of the log.
    ///
    /// - Parameter position: where the writer's row says that the log ends.
    /// - Throws: `damaged`, with the position, if the last record is not what was written: it is another one, its hash does
    ///   not follow from the record before it, its stream does not end with it, or its append goes on after it.
    static func load(_ reader: LogReader, at position: UInt64) throws -> LogHead {
        let last = try self.position(reader.connection, within: reader.limit)
        guard last == position else {
            throw PostgreSQLEventStoreError(
                .damaged,
                "the log ends at position \(last), but position \(position) was recorded in daybook.writer: run verify, "
                    + "or restore a backup")
        }
        guard last > 0 else {
            return LogHead(
                position: 0, hash: HashChain.genesis(of: reader.logID), recordedAt: Timestamp(microseconds: 0))
        }
        var before: Timestamp?
        var record: RecordedEvent?
        try reader.readLog(after: last > 1 ? last - 2 : 0, limit: ReadLimit(events: 2, bytes: .max)) { view in
            before = record?.recordedAt
            record = try RecordRow.record(view)
        }
        guard let record, record.position == last else {
            throw PostgreSQLEventStoreError.damaged(at: last, "it is missing")
        }
        guard before ?? record.recordedAt <= record.recordedAt else {
            throw PostgreSQLEventStoreError.damaged(at: last, "it is older than the record before it")
        }
        guard !record.continues else {
            throw PostgreSQLEventStoreError.damaged(
                at: last, "its append goes on in the next record, but the log ends with it: the end was cut off")
        }
        let end = try reader.connection.run(
            StreamQueries.ends(of: [record.stream], reader.slots, through: last), within: reader.limit
        ).first.flatMap(StreamQueries.end)?.end
        guard end?.version == record.streamVersion, end?.lastEvent == record.event.id else {
            throw PostgreSQLEventStoreError.damaged(
                at: last,
                "it is version \(record.streamVersion) of \(record.stream), which ends with version "
                    + "\(end?.version ?? 0)")
        }
        return LogHead(position: last, hash: record.hash, recordedAt: record.recordedAt)
    }
}

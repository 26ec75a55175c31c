internal import EventSourcing

/// Reads records through a connection, each checked against its hash and that of the record before it.
///
/// What a statement returns is in memory as a whole, so each asks for a bounded part. All statements of one read see the
/// log as far as ``bound``.
struct LogReader {
    /// The records and bytes that one statement returns, at most; but one record at least.
    private static let maxRecords = 2000
    private static let maxBytes = 1 << 20

    let connection: Connection
    let logID: UniqueID
    let slots: IndexSlot
    /// How far the log goes.
    let bound: ReadBound
    /// How long the server may take to answer.
    let limit: Duration

    /// Lends the log's records to `body`, one after another, from the one after `position`.
    func readLog(after position: UInt64, limit: ReadLimit, _ body: (RecordView) throws -> Void) throws {
        guard position < bound.position else { return }
        var last = position
        var (lent, bytes) = (0, 0)
        var previous: Digest256?
        while lent < limit.events, bytes < limit.bytes {
            let count = min(limit.events - lent, Self.maxRecords)
            var statements = [
                Statement(
                    Self.pageText,
                    [
                        .ordinal(last), .integer(Int64(count)),
                        .integer(Int64(min(limit.bytes - bytes, Self.maxBytes))), .ordinal(bound.position),
                    ], returning: RecordRow.columns)
            ]
            if previous == nil, last > 0 { statements.append(Self.hashStatement(last)) }
            let results = try connection.run(statements, within: self.limit)
            let page = results[0]
            guard page.count > 0 else {
                throw StoreObstacle(
                    .unavailable,
                    "the server has no record after position \(last), but position \(bound.position) is durable: read again; "
                        + "if that does not help, run verify")
            }
            if previous == nil {
                previous = try last == 0 ? HashChain.genesis(of: logID) : Self.hash(results[1], at: last)
            }
            for index in 0..<page.count {
                let row = page[index]
                let size = RecordRow.size(row, from: 0)
                if lent > 0, bytes + size > limit.bytes { return }
                let record = try RecordRow.view(row, from: 0, in: logID)
                guard record.header.position == last + 1 else {
                    throw PostgreSQLEventStoreError.damaged(at: last + 1, "it is missing")
                }
                if let previous { try RecordRow.prove(record, after: previous) }
                previous = record.header.hash
                last += 1
                lent += 1
                bytes += size
                try body(record)
            }
            if last == bound.position { return }
        }
    }

    /// The records after position `$1`, to position `$4`: at most `$2`, of `$3` bytes; but one at least.
    private static let pageText = """
        SELECT \(RecordRow.names(of: "page")) FROM (
            SELECT r.*, sum(pg_catalog.octet_length(r.metadata) + pg_catalog.octet_length(r.data))
                OVER (ORDER BY r.position ROWS UNBOUNDED PRECEDING) AS running
            FROM daybook.records AS r WHERE r.position > $1 AND r.position <= $4 ORDER BY r.position LIMIT $2
        ) AS page
        WHERE page.running <= $3
            OR page.running = pg_catalog.octet_length(page.metadata) + pg_catalog.octet_length(page.data)
        ORDER BY page.position
        """

    /// One stream, from the event after `version`.
    func readStream(_ stream: StreamID, after version: UInt64, limit: ReadLimit) throws -> StreamSlice {
        let hash = slots.hash(of: stream)
        var events: [RecordedEvent] = []
        var seen = min(version, RecordedEvent.maxOrdinal)
        var (end, bytes): (UInt64?, Int) = (nil, 0)
        repeat {
            let count = UInt64(min(limit.events - events.count, Self.maxRecords))
            let last = min(seen + count, end ?? RecordedEvent.maxOrdinal)
            let rows = try connection.run(
                StreamQueries.slice(
                    of: stream, hash, bound, after: seen, through: last, bytes: min(limit.bytes - bytes, Self.maxBytes)),
                within: self.limit)
            guard let first = rows.first else { return StreamSlice(events: events, version: end ?? 0) }
            guard let found = first.ordinal(at: 0), found > 0 else { throw damaged(stream, after: seen) }
            // What was recorded since the first statement is not of this slice.
            if end == nil { end = found }
            if first.isNull(at: 2) {
                guard seen >= end ?? 0 else { throw damaged(stream, after: seen) }
                break
            }
            for index in 0..<rows.count {
                let row = rows[index]
                let size = RecordRow.size(row, from: 2)
                if !events.isEmpty, bytes + size > limit.bytes { return StreamSlice(events: events, version: end ?? 0) }
                events.append(try record(row, of: stream, version: seen + 1))
                seen += 1
                bytes += size
            }
        } while events.count < limit.events && bytes < limit.bytes && seen < end ?? 0
        return StreamSlice(events: events, version: end ?? 0)
    }

    private func record(_ row: Row, of stream: StreamID, version: UInt64) throws -> RecordedEvent {
        let view = try RecordRow.view(row, from: 2, in: logID)
        let record = try RecordRow.record(view)
        guard record.stream == stream, record.streamVersion == version else {
            throw PostgreSQLEventStoreError.damaged(
                at: record.position,
                "version \(version) of \(stream) should stand here, and here stands version \(record.streamVersion) of "
                    + "\(record.stream)")
        }
        let before = record.position == 1 ? HashChain.genesis(of: logID) : row.digest(at: 1)
        guard let before else {
            throw PostgreSQLEventStoreError.damaged(at: record.position - 1, "it is missing, or has no hash")
        }
        try RecordRow.prove(view, after: before)
        return record
    }

    private func damaged(_ stream: StreamID, after version: UInt64) -> PostgreSQLEventStoreError {
        PostgreSQLEventStoreError(
            .damaged,
            "the way back to version \(version + 1) of \(stream) is broken; run verify, or restore a backup")
    }

    /// The id of a stream's event of a version; nil if there is none.
    func event(of stream: StreamID, at version: UInt64) throws -> UniqueID? {
        guard 1...RecordedEvent.maxOrdinal ~= version else { return nil }
        return try connection.run(
            StreamQueries.event(of: stream, slots.hash(of: stream), bound, at: version), within: limit
        ).first?.id(at: 0)
    }

    /// How many events of a stream were recorded at a time or before it: times never decrease along a stream.
    func version(of stream: StreamID, at time: Timestamp) throws -> UInt64 {
        try connection.run(
            StreamQueries.version(of: stream, slots.hash(of: stream), bound, at: time), within: limit
        ).first?.ordinal(at: 0) ?? 0
    }

    /// The hash of the record at a position; nil if there is none.
    func hash(at position: UInt64) throws -> Digest256? {
        try connection.run(Self.hashStatement(position), within: limit).first?.digest(at: 0)
    }

    private static func hashStatement(_ position: UInt64) -> Statement {
        Statement("SELECT hash FROM daybook.records WHERE position = $1", [.ordinal(position)], returning: [.bytea])
    }

    private static func hash(_ rows: Rows, at position: UInt64) throws(PostgreSQLEventStoreError) -> Digest256 {
        guard let hash = rows.first?.digest(at: 0) else {
            throw .damaged(at: position, "it is missing, or has no hash")
        }
        return hash
    }
}

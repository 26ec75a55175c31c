internal import EventSourcing
internal import EventStoreRules

/// Reads the command keys of a log in the order of their positions: those in records by the primary key, those of refusals from
/// a cursor. The server has put them in order then, and holds no view of the log for it.
struct KeyPages {
    private static let keysOfAPage = 200

    private let connection: Connection
    private let string: ConnectionString
    private let slots: IndexSlot
    /// The last record when the reading began: what was decided later is no concern of it.
    private let last: UInt64
    /// The position of the next record.
    private var position: UInt64
    private var ofRecords: ArraySlice<RecordedKey> = []
    private var ofRefusals: ArraySlice<RecordedKey> = []
    private var recordsHaveEnded = false
    private var refusalsHaveEnded = false

    init(
        from position: UInt64, _ slots: IndexSlot, _ connection: Connection, _ string: ConnectionString
    ) throws {
        self.connection = connection
        self.string = string
        self.slots = slots
        self.position = position
        last = try OfflineSession.attempt("read", string) {
            let last = try connection.run(
                Statement("SELECT coalesce(max(position), 0) FROM daybook.records", returning: [.int8]),
                within: OfflineSession.limit
            ).first?.ordinal(at: 0)
            guard let last else { throw ConnectionFailure.unexpected("the last position") }
            _ = try connection.run(
                [
                    Statement("BEGIN"),
                    Statement(
                        """
                        DECLARE daybook_refusals NO SCROLL CURSOR WITH HOLD FOR
                        SELECT position, recorded_at, stream, key_slot, command_key, fingerprint, outcome, streams,
                            stream_versions, NULL::bigint
                        FROM daybook.refusals
                        WHERE position BETWEEN \(Int64(clamping: position)) AND \(Int64(clamping: last)) ORDER BY position
                        """), Statement("COMMIT"),
                ], within: OfflineSession.limit)
            try OfflineSession.requireDurable(connection, string)
            return last
        }
    }

    /// The next keys; none: the end.
    mutating func next() throws -> [RecordedKey] {
        var page: [RecordedKey] = []
        while page.count < Self.keysOfAPage {
            try fill()
            switch (ofRecords.first?.position, ofRefusals.first?.position) {
            case (nil, nil): return page
            case (let record?, let refusal?) where record <= refusal: page.append(ofRecords.removeFirst())
            case (_?, nil): page.append(ofRecords.removeFirst())
            case (_, _?): page.append(ofRefusals.removeFirst())
            }
        }
        return page
    }

    private mutating func fill() throws {
        if ofRecords.isEmpty, !recordsHaveEnded {
            let rows = try rows(
                Statement(
                    Self.recordsText,
                    [.ordinal(position), .ordinal(last), .integer(Int64(Self.keysOfAPage))], returning: Self.columns))
            ofRecords = try keys(of: rows)
            recordsHaveEnded = rows.count < Self.keysOfAPage
            if let end = ofRecords.last?.position { position = end + 1 }
        }
        if ofRefusals.isEmpty, !refusalsHaveEnded {
            let rows = try rows(
                Statement("FETCH \(Self.keysOfAPage) FROM daybook_refusals", returning: Self.columns))
            ofRefusals = try keys(of: rows)
            refusalsHaveEnded = rows.count < Self.keysOfAPage
        }
    }

    private static let columns: [ServerType] = [
        .int8, .timestamptz, .text, .int8, .bytea, .bytea, .bytea, .text, .text, .int8,
    ]

    private static let recordsText = """
        SELECT position, recorded_at, stream, key_slot, command_key, fingerprint, outcome, streams, stream_versions,
            stream_version
        FROM daybook.records
        WHERE position BETWEEN $1 AND $2
            AND num_nonnulls(key_slot, command_key, fingerprint, outcome, streams, stream_versions) > 0
        ORDER BY position LIMIT $3
        """

    private func rows(_ statement: Statement) throws -> Rows {
        try OfflineSession.attempt("read", string) { try connection.run(statement, within: OfflineSession.limit) }
    }

    private func keys(of rows: Rows) throws -> ArraySlice<RecordedKey> {
        try (0..<rows.count).map { try key(rows[$0]) }[...]
    }

    private func key(_ row: Row) throws -> RecordedKey {
        guard let position = row.ordinal(at: 0), let stream = row.text(at: 2).flatMap({ StreamID($0) }) else {
            throw PostgreSQLEventStoreError(
                .damaged, "a command key has no position, or its stream is none; run verify, or restore a backup")
        }
        func failure(_ reason: String) -> PostgreSQLEventStoreError { .damaged(at: position, reason) }
        let written = row.bytes(at: 8) ?? row.ordinal(at: 9).map { Array("[\($0)]".utf8) }
        guard let key = row.bytes(at: 4), let fingerprint = row.digest(at: 5), let outcome = row.bytes(at: 6),
            let recordedAt = row.time(at: 1), let versions = written.flatMap({ StreamVersions.decode($0) })
        else {
            throw failure("the command key that was decided there lacks its fingerprint, outcome, time or versions")
        }
        let names = row.bytes(at: 7) ?? []
        // In a record it may be another one than the record's.
        let scope = Self.scope(of: names) ?? stream
        guard let streams = StreamNames.decode(names, scope: scope, count: versions.count),
            row.isNull(at: 9) ? scope == stream : streams.contains(stream)
        else { throw failure("the streams of the command key that was decided there cannot be read") }
        guard row.integer(at: 3) == IndexSlot.slot(of: slots.hash(of: key, in: scope), at: position) else {
            throw failure(
                "the command key “\(String(decoding: key, as: UTF8.self).printable)” that was decided there is not found, "
                    + "since its key_slot is wrong or missing")
        }
        let commit = Commit(position: position, recordedAt: recordedAt, streamVersions: versions)
        return RecordedKey(
            scope: scope, key: key, fingerprint: fingerprint,
            outcome: KeyedOutcome(streams: streams, commit: commit, outcome: outcome))
    }

    /// The first of the streams of a JSON array; see ``StreamNames``.
    private static func scope(of names: [UInt8]) -> StreamID? {
        guard names.starts(with: Array("[\"".utf8)) else { return nil }
        return StreamID(String(decoding: names.dropFirst(2).prefix { $0 != UInt8(ascii: "\"") }, as: UTF8.self))
    }
}

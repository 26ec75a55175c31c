internal import EventSourcing
internal import EventStoreRules

/// A command key and its scope.
struct ScopedKey: Hashable {
    let key: [UInt8]
    let scope: StreamID
}

/// Finds what was decided under command keys: in the last record of an append with events, else in `daybook.refusals`.
enum CommandKeys {
    typealias Known = (fingerprint: Digest256, outcome: KeyedOutcome)

    /// What is known of each key: a row with the key's number, from 1.
    static func find(_ keys: [ScopedKey], _ slots: IndexSlot, _ bound: ReadBound) -> Statement {
        var (bytes, hashes) = (ArrayParameter.bytes(), ArrayParameter.integers())
        var scopes = ArrayParameter.texts()
        for key in keys {
            bytes.append(key.key)
            hashes.append(slots.hash(of: key.key, in: key.scope))
            scopes.append(key.scope.description.utf8)
        }
        return Statement(
            text,
            [
                .array(bytes), .array(hashes), .array(scopes), .ordinal(bound.position), .integer(bound.change),
            ],
            returning: [.int8, .bytea, .bytea, .int8, .timestamptz, .text, .text])
    }

    private static let slot = "((generation << \(IndexSlot.hashBits)) | asked.hash)"

    private static let text = """
        SELECT asked.number, known.fingerprint, known.outcome, known.position, known.recorded_at, known.streams,
            known.stream_versions
        FROM ROWS FROM (pg_catalog.unnest($1::bytea[]), pg_catalog.unnest($2::bigint[]), pg_catalog.unnest($3::text[]))
            WITH ORDINALITY AS asked(key, hash, scope, number)
        CROSS JOIN LATERAL (
            SELECT found.* FROM \(StreamQueries.generations(through: "$4")) AS generation
            CROSS JOIN LATERAL (
                SELECT fingerprint, outcome, position, recorded_at, streams,
                    coalesce(stream_versions, '[' || stream_version || ']') AS stream_versions
                FROM daybook.records
                WHERE key_slot = \(slot) AND command_key = asked.key AND position <= $4
                    AND coalesce(streams::json ->> 0, stream) = asked.scope
                UNION ALL
                SELECT fingerprint, outcome, position, recorded_at, streams, stream_versions FROM daybook.refusals
                WHERE key_slot = \(slot) AND command_key = asked.key AND stream = asked.scope AND change <= $5
            ) AS found
            LIMIT 1
        ) AS known
        """

    /// What a row of ``find(_:_:)`` says.
    static func read(_ row: Row, of keys: [ScopedKey]) throws(PostgreSQLEventStoreError) -> (ScopedKey, Known) {
        guard let number = row.ordinal(at: 0), 1...UInt64(keys.count) ~= number else {
            throw PostgreSQLEventStoreError(.damaged, "the server found a command key that was not asked for")
        }
        let key = keys[Int(number) - 1]
        guard let fingerprint = row.digest(at: 1), row.count(at: 2) <= CommandKey.longestOutcome,
            let outcome = row.bytes(at: 2), let position = row.ordinal(at: 3), let recordedAt = row.time(at: 4),
            let versions = row.bytes(at: 6).flatMap({ StreamVersions.decode($0) }),
            let streams = StreamNames.decode(row.bytes(at: 5) ?? [], scope: key.scope, count: versions.count)
        else {
            throw PostgreSQLEventStoreError(
                .damaged,
                "a command key of \(key.scope) is damaged: its fingerprint, time, streams or their versions cannot be "
                    + "read; run verify, or restore a backup")
        }
        let commit = Commit(position: position, recordedAt: recordedAt, streamVersions: versions)
        return (key, (fingerprint, KeyedOutcome(streams: streams, commit: commit, outcome: outcome)))
    }
}

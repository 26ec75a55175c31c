internal import EventSourcing
internal import EventStoreRules
internal import GRDB

/// The table of command keys.
enum CommandKeys {
    /// What was done under a key; nil where it is free, as one of another length than is allowed always is.
    static func find(
        _ key: [UInt8], in scope: StreamID, _ database: Database
    ) throws -> (fingerprint: Digest256, outcome: KeyedOutcome)? {
        guard 1...CommandKey.longestKey ~= key.count else { return nil }
        let row = try PreparedStatement(
            """
            SELECT fingerprint, outcome, position, recorded_at, stream_versions, streams FROM command_keys
            WHERE category = ? AND stream = ? AND key = ?
            """, database)
        defer { row.reset() }
        try row.bind(scope.category, at: 1)
        try row.bind(scope.name, at: 2)
        try key.withUnsafeBytes { try row.bind($0, at: 3) }
        guard try row.step() else { return nil }
        guard let fingerprint = row.digest(at: 0), let versions = StreamVersions.decode(row.bytes(at: 4)),
            let streams = StreamNames.decode(row.bytes(at: 5), scope: scope, count: versions.count),
            let recordedAt = row.timestamp(at: 3)
        else {
            throw SQLiteEventStoreError(
                .damaged,
                "a command key of \(scope) is damaged: its fingerprint, time, streams or their versions cannot be read; "
                    + "run verify, or restore a backup")
        }
        let commit = Commit(position: row.ordinal(at: 2), recordedAt: recordedAt, streamVersions: versions)
        return (fingerprint, KeyedOutcome(streams: streams, commit: commit, outcome: row.bytes(at: 1)))
    }

    /// Records what was done under a key.
    ///
    /// - Parameter writes: those of its append; the stream of the first is the key's scope.
    static func insert(_ command: CommandKey, of writes: [StreamWrite], _ commit: Commit, _ database: Database) throws {
        try insert(
            command.key, of: writes[0].stream, fingerprint: command.fingerprint, outcome: command.outcome,
            writes.count > 1 ? StreamNames.encode(writes.map(\.stream)) : nil, commit, database)
    }

    /// Records what another log has of a key.
    static func insert(_ key: RecordedKey, _ database: Database) throws {
        try insert(
            key.key, of: key.scope, fingerprint: key.fingerprint, outcome: key.outcome.outcome,
            StreamNames.encode(key.outcome.streams), key.outcome.commit, database)
    }

    private static func insert(
        _ key: [UInt8], of scope: StreamID, fingerprint: Digest256, outcome: [UInt8], _ streams: String?,
        _ commit: Commit, _ database: Database
    ) throws {
        let row = try PreparedStatement("INSERT INTO command_keys VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", database)
        try row.bind(scope.category, at: 1)
        try row.bind(scope.name, at: 2)
        try key.withUnsafeBytes { try row.bind($0, at: 3) }
        try row.bind(fingerprint, at: 4)
        try outcome.withUnsafeBytes { try row.bind($0, at: 5) }
        try row.bind(commit.position, at: 6)
        try row.bind(commit.recordedAt.microseconds, at: 7)
        try row.bind(StreamVersions.encode(commit.streamVersions), at: 8)
        try row.bind(streams, at: 9)
        try row.run()
    }
}

internal import EventSourcing
internal import EventStoreRules

/// The one who appends: it holds the ends of streams in memory, and changes them only when what they say is durable.
struct Writer {
    private let logID: UniqueID
    private let slots: IndexSlot
    private var connection: WriterConnection
    private var streams = StreamEndCache(capacity: 200_000)

    /// A writer onto a log.
    init(_ connection: WriterConnection, logID: UniqueID, _ slots: IndexSlot) {
        self.connection = connection
        self.logID = logID
        self.slots = slots
    }

    /// The last durable record.
    var head: LogHead { connection.head }

    /// Appends a batch in one transaction.
    ///
    /// - Throws: see ``WriterConnection/write(_:before:after:)``.
    mutating func append(
        _ requests: [AppendRequest], at time: Timestamp
    ) throws -> (results: [AppendResult], records: [RecordedEvent]) {
        try connection.prepare()
        let known = try known(of: requests)
        var batch = Batch(after: head, at: time, in: logID, ends: known.ends, keys: known.keys)
        let answers = requests.map { batch.answer($0) }
        guard batch.head.position <= IndexSlot.maxPosition else {
            throw StoreObstacle(.full, "the log has as many records as it can have: begin a new one")
        }
        let results = try results(of: answers, batch)
        if batch.hasChanges {
            do {
                try connection.write(BatchInsert.statements(for: batch, slots), before: head, after: batch.head)
            } catch {
                streams.removeAll()
                throw error
            }
            for (stream, end) in batch.changedEnds { streams.set(end, for: stream) }
        }
        return (results, batch.entries.map(\.record))
    }

    /// Keeps snapshots in one transaction; see ``EventStore/keep(_:)``.
    mutating func keep(_ snapshots: [Snapshot]) throws -> [Bool] {
        let isKept = try connection.read { reader in
            try snapshots.map { try Snapshots.isOfHistory($0, reader) }
        }
        let kept = zip(snapshots, isKept).filter(\.1).map { Snapshots.keep($0.0) }
        if !kept.isEmpty { try connection.write(kept) }
        return isKept
    }

    /// Forgets a snapshot.
    mutating func dropSnapshot(of stream: StreamID, fingerprint: Digest256, version: UInt64) throws {
        try connection.write([Snapshots.drop(of: stream, fingerprint: fingerprint, version: version)])
    }

    /// Writes the writer's row as it is, durably.
    mutating func tryWriting() throws { try connection.write([]) }

    /// The bytes that the log's tables take.
    mutating func size() throws -> UInt64 {
        try connection.read { reader in
            try reader.connection.run(
                Statement(
                    """
                    SELECT coalesce(sum(pg_catalog.pg_total_relation_size(c.oid)), 0)::bigint
                    FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
                    WHERE n.nspname = 'daybook' AND c.relkind = 'r'
                    """, returning: [.int8]), within: reader.limit
            ).first?.ordinal(at: 0) ?? 0
        }
    }

    /// Gives the lead back.
    mutating func close() { connection.close() }
}

// MARK: - What a batch is decided on

extension Writer {
    /// The ends of the streams that requests name, and what is known of their keys: in one round trip.
    private mutating func known(
        of requests: [AppendRequest]
    ) throws -> (ends: [StreamID: StreamEnd], keys: [ScopedKey: CommandKeys.Known]) {
        var ends: [StreamID: StreamEnd] = [:]
        var missing: Set<StreamID> = []
        var keys: Set<ScopedKey> = []
        for request in requests {
            for write in request.writes where ends[write.stream] == nil {
                if let end = streams.end(of: write.stream) {
                    ends[write.stream] = end
                } else {
                    missing.insert(write.stream)
                }
            }
            if let command = request.command, let scope = request.writes.first?.stream,
                1...CommandKey.longestKey ~= command.key.count
            {
                keys.insert(ScopedKey(key: command.key, scope: scope))
            }
        }
        if missing.isEmpty, keys.isEmpty { return (ends, [:]) }
        let (streamsAsked, keysAsked) = (Array(missing), Array(keys))
        let (loaded, known) = try connection.read { [slots] reader in
            try Self.load(streamsAsked, keysAsked, slots, reader)
        }
        for (stream, end) in loaded {
            streams.set(end, for: stream)
            ends[stream] = end
        }
        return (ends, known)
    }

    private static func load(
        _ streams: [StreamID], _ keys: [ScopedKey], _ slots: IndexSlot, _ reader: LogReader
    ) throws -> ([StreamID: StreamEnd], [ScopedKey: CommandKeys.Known]) {
        var statements: [Statement] = []
        if !streams.isEmpty { statements.append(StreamQueries.ends(of: streams, slots)) }
        if !keys.isEmpty { statements.append(CommandKeys.find(keys, slots)) }
        let results = try reader.connection.run(statements, within: reader.limit)
        var ends: [StreamID: StreamEnd] = [:]
        if !streams.isEmpty {
            for stream in streams { ends[stream] = StreamEnd() }
            for index in 0..<results[0].count {
                guard let (number, end) = StreamQueries.end(results[0][index]), streams.indices ~= number else {
                    throw PostgreSQLEventStoreError(
                        .damaged, "the end of a stream cannot be read; run verify, or restore a backup")
                }
                ends[streams[number]] = end
            }
        }
        var known: [ScopedKey: CommandKeys.Known] = [:]
        if !keys.isEmpty, let rows = results.last {
            for index in 0..<rows.count {
                let (key, what) = try CommandKeys.read(rows[index], of: keys)
                known[key] = what
            }
        }
        return (ends, known)
    }
}

// MARK: - What conflicts tell

extension Writer {
    private mutating func results(of answers: [Batch.Answer], _ batch: Batch) throws -> [AppendResult] {
        var missedBytes = 0
        return try answers.map { answer in
            switch answer {
            case .ready(let result): return result
            case .conflict(let conflicts):
                var share = MissedShare(of: ConflictRules.missedLimit(after: missedBytes), streams: conflicts.count)
                let streams = try conflicts.map { conflict in
                    let missed = try share.next().map { try self.missed(conflict, batch, limit: $0) } ?? []
                    share.take(missed)
                    return StreamConflict(
                        write: conflict.write, stream: conflict.stream, actual: conflict.actual, missed: missed)
                }
                missedBytes += share.bytesTaken
                return .conflict(AppendConflict(streams))
            }
        }
    }

    /// The events that an appender with a wrong expectation had not seen: those that are recorded, then those of the batch.
    private mutating func missed(
        _ conflict: Batch.Conflict, _ batch: Batch, limit: ReadLimit
    ) throws -> [RecordedEvent] {
        guard case .exactly(let version, let lastEvent) = conflict.expected, conflict.actual > 0 else { return [] }
        let recorded = conflict.actual - UInt64(conflict.records.count)
        let ofBatch = conflict.records.map { batch.entries[$0].record }
        return try connection.read { reader in
            var seen = version
            if version >= conflict.actual {
                // Another course, or a version that never was: the last event is what tells the appender which.
                seen = conflict.actual - 1
            } else if let lastEvent, version > 0 {
                let event =
                    version > recorded
                    ? ofBatch[Int(version - recorded) - 1].event.id
                    : try reader.event(of: conflict.stream, at: version)
                if event != lastEvent { seen = version - 1 }
            }
            var missed: [RecordedEvent] = []
            if seen < recorded {
                missed = try reader.readStream(conflict.stream, after: seen, limit: limit).events
                seen += UInt64(missed.count)
                if seen < recorded { return missed }
            }
            var bytes = missed.reduce(0) { $0 + $1.event.data.count + $1.event.metadata.count }
            for record in ofBatch where record.streamVersion > seen {
                bytes += record.event.data.count + record.event.metadata.count
                if !missed.isEmpty, missed.count >= limit.events || bytes > limit.bytes { break }
                missed.append(record)
            }
            return missed
        }
    }
}

internal import EventSourcing
internal import EventStoreRules

/// The statements that write a batch, each with arrays of bounded size.
enum BatchInsert {
    private static let maxRows = 2048
    private static let maxBytes = 4 << 20

    /// - Parameter change: the number of the transaction.
    static func statements(for batch: Batch, _ slots: IndexSlot, change: Int64) -> [Statement] {
        statements(for: batch.entries, batch.refusals, slots, change: change)
    }

    static func statements(
        for entries: [Batch.Entry], _ refusals: [Batch.Decision], _ slots: IndexSlot, change: Int64
    ) -> [Statement] {
        var statements: [Statement] = []
        var rest = entries[...]
        while !rest.isEmpty {
            var bytes = 0
            let rows = rest.prefix(maxRows).prefix { entry in
                defer { bytes += size(of: entry) }
                return bytes < maxBytes
            }
            statements.append(insert(rows, slots))
            rest = rest.dropFirst(rows.count)
        }
        var refusals = refusals[...]
        while !refusals.isEmpty {
            var bytes = 0
            let rows = refusals.prefix(maxRows).prefix { refusal in
                defer { bytes += refusal.command.outcome.count }
                return bytes < maxBytes
            }
            statements.append(insert(rows, slots, change))
            refusals = refusals.dropFirst(rows.count)
        }
        return statements
    }

    private static func size(of entry: Batch.Entry) -> Int {
        entry.record.event.data.count + entry.record.event.metadata.count
            + (entry.decision?.command.outcome.count ?? 0)
    }

    private static func insert(_ entries: ArraySlice<Batch.Entry>, _ slots: IndexSlot) -> Statement {
        var (positions, versions, times) = (
            ArrayParameter.integers(), ArrayParameter.integers(), ArrayParameter.times()
        )
        var (previous, skips) = (ArrayParameter.integers(), ArrayParameter.integers())
        var (heads, schemas, ids) = (ArrayParameter.integers(), ArrayParameter.smallIntegers(), ArrayParameter.ids())
        var (continues, hashes) = (ArrayParameter.bools(), ArrayParameter.bytes())
        var (streams, types) = (ArrayParameter.texts(), ArrayParameter.texts())
        var (metadata, data) = (ArrayParameter.bytes(), ArrayParameter.bytes())
        var decisions = DecisionArrays()
        for entry in entries {
            let record = entry.record
            positions.append(ordinal: record.position)
            versions.append(ordinal: record.streamVersion)
            times.append(record.recordedAt)
            previous.append(ordinal: entry.links.previous)
            skips.append(ordinal: entry.links.skip)
            if entry.isEnd {
                heads.append(IndexSlot.slot(of: slots.hash(of: record.stream), at: record.position))
            } else {
                heads.appendNull()
            }
            schemas.append(Int32(record.event.schemaVersion))
            ids.append(record.event.id)
            continues.append(record.continues)
            hashes.append(record.hash)
            streams.append(record.stream.description.utf8)
            types.append(record.type.utf8)
            metadata.append(record.event.metadata)
            data.append(record.event.data)
            decisions.append(entry.decision, of: record, slots)
        }
        let arrays =
            [positions, versions, times, previous, skips, heads, schemas, ids, continues, hashes, streams, types]
            + [metadata, data] + decisions.arrays
        return Statement(insertText(into: recordColumns, of: "records"), arrays.map { .array($0) })
    }

    private static let recordColumns =
        [
            ("position", "bigint"), ("stream_version", "bigint"), ("recorded_at", "timestamptz"),
            ("previous", "bigint"),
            ("skip", "bigint"), ("head_slot", "bigint"), ("schema_version", "integer"), ("id", "uuid"),
            ("continues", "boolean"), ("hash", "bytea"), ("stream", "text"), ("type", "text"), ("metadata", "bytea"),
            ("data", "bytea"),
        ] + DecisionArrays.columns

    private static func insert(
        _ refusals: ArraySlice<Batch.Decision>, _ slots: IndexSlot, _ change: Int64
    ) -> Statement {
        var (positions, times, streams) = (ArrayParameter.integers(), ArrayParameter.times(), ArrayParameter.texts())
        var changes = ArrayParameter.integers()
        var decisions = DecisionArrays()
        for refusal in refusals {
            positions.append(ordinal: refusal.commit.position)
            changes.append(change)
            times.append(refusal.commit.recordedAt)
            streams.append(refusal.streams[0].description.utf8)
            decisions.append(refusal, of: nil, slots)
        }
        return Statement(
            insertText(into: refusalColumns, of: "refusals"),
            ([positions, changes, times, streams] + decisions.arrays).map { .array($0) })
    }

    private static let refusalColumns =
        [("position", "bigint"), ("change", "bigint"), ("recorded_at", "timestamptz"), ("stream", "text")]
        + DecisionArrays.columns

    private static func insertText(into columns: [(name: String, type: String)], of table: String) -> String {
        let names = columns.map(\.name).joined(separator: ", ")
        let arrays = columns.enumerated().map { "$\($0.offset + 1)::\($0.element.type)[]" }.joined(separator: ", ")
        return "INSERT INTO daybook.\(table) (\(names)) SELECT * FROM unnest(\(arrays))"
    }
}

/// The columns of what was decided under command keys.
private struct DecisionArrays {
    static let columns = [
        ("key_slot", "bigint"), ("command_key", "bytea"), ("fingerprint", "bytea"), ("outcome", "bytea"),
        ("streams", "text"), ("stream_versions", "text"),
    ]

    private var slots = ArrayParameter.integers()
    private var keys = ArrayParameter.bytes()
    private var fingerprints = ArrayParameter.bytes()
    private var outcomes = ArrayParameter.bytes()
    private var streams = ArrayParameter.texts()
    private var versions = ArrayParameter.texts()

    var arrays: [ArrayParameter] { [slots, keys, fingerprints, outcomes, streams, versions] }

    /// - Parameter record: the one that the decision stands in; nil: in none.
    mutating func append(_ decision: Batch.Decision?, of record: RecordedEvent?, _ indexSlots: IndexSlot) {
        guard let decision else {
            slots.appendNull()
            keys.appendNull()
            fingerprints.appendNull()
            outcomes.appendNull()
            streams.appendNull()
            return versions.appendNull()
        }
        let command = decision.command
        slots.append(
            IndexSlot.slot(
                of: indexSlots.hash(of: command.key, in: decision.streams[0]), at: decision.commit.position))
        keys.append(command.key)
        fingerprints.append(command.fingerprint)
        outcomes.append(command.outcome)
        if let names = StreamNames.encode(decision.streams) { streams.append(names.utf8) } else { streams.appendNull() }
        // The record says it.
        if let record, decision.streams == [record.stream], decision.commit.streamVersions == [record.streamVersion] {
            versions.appendNull()
        } else {
            versions.append(StreamVersions.encode(decision.commit.streamVersions).utf8)
        }
    }
}

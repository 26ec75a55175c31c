internal import EventSourcing
internal import EventStoreRules

/// Rows for records and keys as another place has them: pure, it asks no database.
struct CopiedRecords {
    /// The head after the records so far.
    private(set) var head: LogHead
    /// The records with what their rows have beside them.
    private(set) var entries: [Batch.Entry] = []
    /// The keys that have no record's row to stand in.
    private(set) var refusals: [Batch.Decision] = []
    /// The ends of the streams that the records are of, before and after them.
    private(set) var ends: [StreamID: StreamEnd]

    /// The number of each record by its position, of those that no key stands in yet.
    private var free: [UInt64: Int] = [:]
    private var lastOfStream: [StreamID: Int] = [:]
    private let logID: UniqueID

    /// - Parameter ends: those of every stream that the records are of, but for new ones.
    init(after head: LogHead, in logID: UniqueID, ends: [StreamID: StreamEnd]) {
        self.head = head
        self.logID = logID
        self.ends = ends
    }

    /// Takes the record that follows.
    ///
    /// - Throws: `damaged`, with the position, if it does not.
    mutating func take(_ record: RecordedEvent) throws(PostgreSQLEventStoreError) {
        func failure(_ reason: String) -> PostgreSQLEventStoreError { .damaged(at: record.position, reason) }
        guard record.position == head.position + 1 else { throw failure("position \(head.position + 1) should come") }
        guard record.recordedAt >= head.recordedAt else { throw failure("it is older than the record before it") }
        guard HashChain.hash(of: record, after: head.hash, in: logID) == record.hash else {
            throw failure("its hash does not follow from its content and the record before it")
        }
        var end = ends[record.stream, default: StreamEnd()]
        guard record.streamVersion == end.version + 1 else {
            throw failure(
                "it says that it is version \(record.streamVersion) of \(record.stream), whose next version is "
                    + "\(end.version + 1)")
        }
        let links = end.append(record.event.id, at: record.position)
        if let last = lastOfStream.updateValue(entries.count, forKey: record.stream) { entries[last].isEnd = false }
        free[record.position] = entries.count
        entries.append(Batch.Entry(record: record, links: links, isEnd: true))
        ends[record.stream] = end
        head = LogHead(position: record.position, hash: record.hash, recordedAt: record.recordedAt)
    }

    /// Takes a key that is not in the log yet: into the row of the record at its position, if that is the append's own, or might
    /// be. It makes no difference to what is found.
    mutating func take(_ key: RecordedKey) {
        let (streams, commit) = (key.outcome.streams, key.outcome.commit)
        let decision = Batch.Decision(
            command: CommandKey(key: key.key, fingerprint: key.fingerprint, outcome: key.outcome.outcome),
            streams: streams, commit: commit)
        if let index = free[commit.position], entries[index].record.recordedAt == commit.recordedAt,
            streams.contains(entries[index].record.stream)
        {
            entries[index].decision = decision
            free[commit.position] = nil
        } else {
            refusals.append(decision)
        }
    }
}

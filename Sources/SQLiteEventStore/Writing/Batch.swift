internal import EventSourcing
internal import EventStoreRules
internal import GRDB

/// One batch of appends on its way into one transaction.
///
/// It holds everything that changes; the writer takes it over only when the transaction is durable. A request is
/// judged in full before anything of it is taken, so that a refused one leaves nothing to undo. Rows are written many at a
/// time, and before anything is read that they may be part of.
struct Batch {
    /// The head after the requests so far.
    private(set) var head: LogHead
    /// The ends of the streams that the requests so far have written to.
    private(set) var changed: [StreamID: StreamHead] = [:]
    /// The records made so far.
    private(set) var records: [RecordedEvent] = []
    /// Whether a transaction was begun: not before there is something to write, for an empty one costs a flush.
    private(set) var hasWritten = false

    private let database: Database
    private let insert: EventInsert
    private var links: StreamLinkInsert
    /// The bytes of the records that conflicts returned so far.
    private var missedBytes = 0
    /// How many of the records are written.
    private var written = 0
    private let logID: UniqueID
    private let heads: StreamHeads
    /// The time of all its records.
    private let time: Timestamp

    /// A batch that follows `head`, of so many requests.
    init(
        _ database: Database, logID: UniqueID, after head: LogHead, _ heads: StreamHeads, at time: Timestamp,
        of requests: Int
    ) throws {
        changed.reserveCapacity(requests)
        records.reserveCapacity(requests)
        self.database = database
        insert = try EventInsert(database)
        links = try StreamLinkInsert(database)
        self.logID = logID
        self.head = head
        self.heads = heads
        // A clock that is set back must not make a log that runs backwards.
        self.time = max(time, head.recordedAt)
    }

    /// Answers one append and takes its events; ``flush()`` writes them.
    mutating func answer(_ request: AppendRequest, _ cache: inout StreamHeadCache) throws -> AppendResult {
        // The key before all else: what was decided stays decided, whatever became of the streams.
        if let command = request.command, let scope = request.writes.first?.stream,
            let known = try CommandKeys.find(command.key, in: scope, database)
        {
            return known.fingerprint == command.fingerprint ? .replayed(known.outcome) : .keyReused
        }
        if let reason = AppendRules.violation(in: request) { return .invalid(reason) }
        var heads: [StreamHead] = []
        heads.reserveCapacity(request.writes.count)
        var conflicting: [Int] = []
        for (index, write) in request.writes.enumerated() {
            let head = try streamHead(write.stream, &cache)
            let holds = ConflictRules.holds(write.expected, version: head.version, lastEvent: head.lastEvent)
            if !holds { conflicting.append(index) }
            heads.append(head)
        }
        guard conflicting.isEmpty else { return .conflict(try conflict(of: request, at: conflicting, heads)) }
        if request.isCheck {
            return .committed(
                Commit(position: head.position, recordedAt: time, streamVersions: heads.map(\.version)))
        }
        return .committed(try write(request, onto: heads))
    }

    /// What the appender missed of every stream that is not as it expected.
    private mutating func conflict(
        of request: AppendRequest, at writes: [Int], _ heads: [StreamHead]
    ) throws -> AppendConflict {
        try flush()
        var share = MissedShare(of: ConflictRules.missedLimit(after: missedBytes), streams: writes.count)
        let streams = try writes.map { index in
            let (write, head) = (request.writes[index], heads[index])
            let missed = try share.next().map { limit in
                try ConflictCheck.missed(
                    in: write.stream, expecting: write.expected, actual: head, database, logID, limit: limit)
            }
            share.take(missed ?? [])
            return StreamConflict(write: index, stream: write.stream, actual: head.version, missed: missed ?? [])
        }
        missedBytes += share.bytesTaken
        return AppendConflict(streams)
    }

    private mutating func write(_ request: AppendRequest, onto heads: [StreamHead]) throws -> Commit {
        if !hasWritten {
            try database.beginTransaction(.immediate)
            hasWritten = true
        }
        var versions: [UInt64] = []
        versions.reserveCapacity(heads.count)
        var rest = request.writes.reduce(0) { $0 + $1.events.count }
        for (write, head) in zip(request.writes, heads) {
            versions.append(try self.write(write, onto: head, rest: &rest))
        }
        let commit = Commit(position: head.position, recordedAt: time, streamVersions: versions)
        if let command = request.command {
            try CommandKeys.insert(command, of: request.writes, commit, database)
        }
        return commit
    }

    /// Takes the events of one stream; returns its version afterwards.
    ///
    /// - Parameter rest: how many events of the append are not taken yet: each but the last says that it goes on.
    private mutating func write(_ write: StreamWrite, onto end: StreamHead, rest: inout Int) throws -> UInt64 {
        guard !write.events.isEmpty else { return end.version }
        var end = end
        for event in write.events {
            rest -= 1
            append(event, to: write.stream, at: end.version + 1, continues: rest > 0)
            try links.add(at: head.position, onto: end)
            end = end.followed(by: event.id, at: head.position)
        }
        changed[write.stream] = end
        return end.version
    }

    private mutating func append(_ event: NewEvent, to stream: StreamID, at version: UInt64, continues: Bool) {
        let record = HashChain.record(
            event, of: stream, at: version, continues: continues, on: head, recordedAt: time, in: logID)
        records.append(record)
        head = LogHead(position: record.position, hash: record.hash, recordedAt: time)
    }

    /// Writes the rows of what was taken and is not written yet.
    mutating func flush() throws {
        try insert.insert(records[written...])
        try links.flush()
        written = records.count
    }

    /// The end of a stream after the requests so far.
    private func streamHead(_ stream: StreamID, _ cache: inout StreamHeadCache) throws -> StreamHead {
        if let head = changed[stream] { return head }
        if let head = cache.head(of: stream) { return head }
        let head = try heads.head(of: stream, database)
        cache.set(head, for: stream)
        return head
    }
}

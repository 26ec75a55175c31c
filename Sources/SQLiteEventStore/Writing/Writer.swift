internal import EventSourcing
internal import GRDB

/// The one who appends: it holds the head of the log and the ends of streams in memory, and changes them only when
/// what they say is durable.
struct Writer {
    /// The last durable record.
    private(set) var head: LogHead

    private let logID: UniqueID
    private let heads: StreamHeads
    private var saving: StreamHeadSaving
    private var streams = StreamHeadCache(capacity: 200_000)
    private var checkpoints: Checkpoints
    private let files: OpenFiles
    private let path: String
    private var failure: SQLiteEventStoreError?

    /// A writer onto a log that ends with `head`.
    init(
        logID: UniqueID, head: LogHead, _ heads: StreamHeads, _ saving: StreamHeadSaving, checkpoints: Checkpoints,
        files: OpenFiles, path: String
    ) {
        self.logID = logID
        self.head = head
        self.heads = heads
        self.saving = saving
        self.checkpoints = checkpoints
        self.files = files
        self.path = path
    }

    /// Appends a batch in one transaction.
    ///
    /// - Throws: ``StoreObstacle`` if nothing was written and it may be tried again; where anything else failed, that,
    ///   and from then on always: whether that batch is on disk is unknown, and so is whether what is held in memory
    ///   still agrees with the file.
    mutating func append(
        _ requests: [AppendRequest], at time: Timestamp, _ database: Database
    ) throws -> (results: [AppendResult], records: [RecordedEvent]) {
        try guarded(database, "append") { (writer) throws in try writer.commit(requests, at: time, database) }
    }

    /// Adds records and keys as another place has them, in one transaction.
    ///
    /// - Throws: `damaged` if the records do not follow, or a key has another outcome already; else as
    ///   ``append(_:at:_:)``.
    mutating func copy(_ records: [RecordedEvent], _ keys: [RecordedKey], _ database: Database) throws {
        try guarded(database, "copy") { writer in
            try database.beginTransaction(.immediate)
            var copy = try CopiedRecords(database, logID: writer.logID, after: writer.head, writer.heads)
            try copy.take(records)
            try copy.take(keys)
            try writer.saving.save(with: records.count, database)
            try database.commit()
            writer.head = copy.head
            writer.saving.committed(copy.changed, upTo: copy.head.position)
            for (stream, head) in copy.changed { writer.streams.set(head, for: stream) }
        }
    }

    /// Keeps snapshots in one transaction; see ``EventStore/keep(_:)``.
    mutating func keep(_ snapshots: [Snapshot], _ database: Database) throws -> [Bool] {
        try guarded(database, "keep a snapshot") { writer in
            try database.beginTransaction(.immediate)
            let kept = try snapshots.map { snapshot in
                try Snapshots.keep(snapshot, head: writer.heads.head(of: snapshot.stream, database), database)
            }
            try database.commit()
            return kept
        }
    }

    /// Forgets a snapshot.
    mutating func dropSnapshot(
        of stream: StreamID, fingerprint: Digest256, version: UInt64, _ database: Database
    ) throws {
        try guarded(database, "drop a snapshot") { _ in
            try Snapshots.drop(of: stream, fingerprint: fingerprint, version: version, database)
        }
    }

    /// Writes a row as it is, durably.
    mutating func tryWriting(_ database: Database) throws {
        try guarded(database, "write") { _ in
            try database.beginTransaction(.immediate)
            try StreamHeadTable.setUntil(StreamHeadTable.until(database), database)
            try database.commit()
        }
    }

    private mutating func guarded<Result>(
        _ database: Database, _ operation: String, _ body: (inout Writer) throws -> Result
    ) throws -> Result {
        if let failure {
            throw SQLiteEventStoreError(
                .failedEarlier, "a write failed earlier, so nothing is written until the log is opened again",
                cause: failure)
        }
        do {
            // Before it is written, so that nothing is acknowledged that stands in a file without a name.
            try files.verify()
            return try body(&self)
        } catch {
            rollBack(database)
            if let obstacle = StoreObstacle(error, at: path), !database.isInsideTransaction { throw obstacle }
            let failure = SQLiteEventStoreError(
                .writeFailed, "cannot \(operation) after position \(head.position); open the log again", cause: error)
            self.failure = failure
            throw failure
        }
    }

    /// Keeps the write-ahead log in bounds, whatever was written; to be called when the last batch has been told of.
    ///
    /// - Throws: where the database file cannot be written or flushed; nothing is appended from then on.
    mutating func tidy(_ database: Database) throws {
        guard failure == nil else { return }
        try guarded(database, "copy into the database") { try $0.checkpoints.runIfDue(database) }
    }

    private mutating func commit(
        _ requests: [AppendRequest], at time: Timestamp, _ database: Database
    ) throws -> (results: [AppendResult], records: [RecordedEvent]) {
        var batch = try Batch(database, logID: logID, after: head, heads, at: time, of: requests.count)
        var results: [AppendResult] = []
        results.reserveCapacity(requests.count)
        for request in requests {
            results.append(try batch.answer(request, &streams))
        }
        if batch.hasWritten {
            try batch.flush()
            try saving.save(with: batch.records.count, database)
            try database.commit()
            head = batch.head
            saving.committed(batch.changed, upTo: head.position)
            for (stream, head) in batch.changed { streams.set(head, for: stream) }
        }
        return (results, batch.records)
    }

    /// Whether a reader keeps the write-ahead log from being emptied.
    var isHeldUp: Bool { checkpoints.isHeldUp }

    /// Leaves the transaction of a batch that failed, so that the file can be closed.
    private func rollBack(_ database: Database) {
        guard database.isInsideTransaction else { return }
        do {
            try database.rollback()
        } catch {
            // The batch has failed and nothing is written again: closing the connection drops what is left of it.
            return
        }
    }
}

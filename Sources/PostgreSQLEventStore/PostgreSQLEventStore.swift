public import EventSourcing

/// A log in a PostgreSQL database, in the schema `daybook`.
///
/// Every append is one transaction and durable when it has ended: flushed, and on the synchronous standby if the server has
/// one. Reads have connections of their own and do not wait for the appender. People read `daybook.events` and
/// `daybook.command_keys` with any tool.
///
/// One store at a time appends: each opening raises the log's epoch, which every transaction names. A store that has lost
/// the lead ends with ``LeadLost``. A store that loses its connection connects anew, and finds out whether the transactions
/// that were under way were recorded.
public final class PostgreSQLEventStore: EventStore {
    /// The id that the log was given when it was made.
    public let logID: UniqueID

    private let string: ConnectionString
    private let slots: IndexSlot
    private let timeouts: Timeouts
    private let readers: ReaderPool
    private let inbox: WriterInbox
    private let state: LeadState

    /// Opens the log of a database, and makes it if there is none. See ``PostgreSQLOpening`` for a program that stands by.
    ///
    /// - Parameters:
    ///   - connectionString: any of libpq's: a URI, also with several hosts, or keywords and values.
    ///   - clock: the time of records; one that is set back makes no record older than the one before it.
    /// - Throws: see ``PostgreSQLOpening/attempt()``.
    public convenience init(
        _ connectionString: String, clock: @escaping @Sendable () -> Timestamp = Timestamp.now
    ) throws {
        try self.init(connectionString, clock: clock, timeouts: Timeouts())
    }

    /// Opens a log with timeouts of its own.
    convenience init(
        _ connectionString: String, clock: @escaping @Sendable () -> Timestamp = Timestamp.now, timeouts: Timeouts,
        faults: Faults = Faults()
    ) throws {
        let opening = try PostgreSQLOpening(
            connectionString, standby: false, clock: clock, timeouts: timeouts, faults: faults)
        defer { opening.close() }
        try self.init(try opening.opened())
    }

    /// A log whose lead was taken.
    ///
    /// - Throws: `unavailable` if the system has no more threads.
    init(_ opened: OpenedLog) throws(StoreObstacle) {
        logID = opened.identity.logID
        string = opened.string
        slots = IndexSlot(salt: opened.identity.salt)
        timeouts = opened.timeouts
        readers = ReaderPool(string, limit: timeouts.lookup)
        inbox = WriterInbox(opened.wakeUp)
        state = LeadState(
            opened.lead, head: opened.head, opened.durability, hasEndlessLease: opened.faults.hasEndlessLease)
        let writer = Writer(opened, state, inbox)
        try StoreThread.start { writer.run() }
    }

    // Without waiting: the last reference to the store may be in a completion on the writer's thread.
    deinit { if !state.close() { inbox.askToClose(PostgreSQLEventStoreError.closed(string)) } }

    /// Gives the lead back, so that the next store can open the log. Waits for calls under way; later ones throw `closed`,
    /// and writes that are begun later end with it.
    /// Does nothing the second time.
    public func close() throws {
        if state.close() { return }
        readers.close()
        inbox.close(PostgreSQLEventStoreError.closed(string))
    }

    /// What writes on a thread of its own.
    public func appender() -> any EventAppender { PostgreSQLAppender(state: state, inbox: inbox) }

    /// The last durable record. Never waits for the appender.
    public func head() throws -> LogHead {
        if state.isClosed { throw PostgreSQLEventStoreError.closed(string) }
        return state.known.head
    }

    /// Appends a batch in one transaction. See ``EventStore``; calls from several threads take turns.
    ///
    /// - Throws: ``LeadLost``, ``OutcomeUnknown``, and as ``EventStore/append(_:)``.
    public func append(
        _ requests: [AppendRequest]
    ) throws -> (results: [AppendResult], records: [RecordedEvent]) {
        guard case .appended(let results, let records) = try write(.append(requests)) else { return ([], []) }
        return (results, records)
    }

    /// Keeps snapshots in one transaction.
    public func keep(_ snapshots: [Snapshot]) throws -> [Bool] {
        guard case .kept(let isKept) = try write(.keep(snapshots)) else { return [] }
        return isKept
    }

    /// Forgets a snapshot.
    public func dropSnapshot(of stream: StreamID, fingerprint: Digest256, version: UInt64) throws {
        _ = try write(.drop(stream, fingerprint: fingerprint, version: version))
    }

    /// Writes a row as it is.
    public func tryWriting() throws { _ = try write(.probe) }

    /// The size of the log's tables and indexes, not older than some seconds. What the server has in its write-ahead log is
    /// not counted.
    public func usage() throws -> StoreUsage {
        if state.isClosed { throw PostgreSQLEventStoreError.closed(string) }
        return StoreUsage(bytes: state.size, pendingBytes: 0)
    }

    /// Whether commits wait for a standby, and the settings that say so.
    public func report() -> StoreReport { state.report() }

    private func write(_ write: StoreWrite) throws -> StoreWriteResult {
        if state.isClosed { throw PostgreSQLEventStoreError.closed(string) }
        return try BlockingWrite.run(write, inbox, state, within: timeouts.commit + timeouts.resolution)
    }
}

// MARK: - Reading

extension PostgreSQLEventStore {
    /// Lends the log's records to `body` in order, from the one after `position`.
    public func readLog(
        after position: UInt64, limit: ReadLimit, _ body: (RecordView) throws -> Void
    ) throws {
        var hasLent = false
        try read("the log after position \(position)", canRepeat: { !hasLent }) { reader in
            try reader.readLog(after: position, limit: limit) { record in
                hasLent = true
                try body(record)
            }
        }
    }

    /// Reads one stream in order, from the event after `version`, and the stream's version at that moment.
    public func readStream(_ stream: StreamID, after version: UInt64, limit: ReadLimit) throws -> StreamSlice {
        try read("stream \(stream) after version \(version)") {
            try $0.readStream(stream, after: version, limit: limit)
        }
    }

    /// What was done under a key of a stream; nil if the key is free.
    public func outcome(
        of key: [UInt8], in scope: StreamID
    ) throws -> (fingerprint: Digest256, outcome: KeyedOutcome)? {
        guard 1...CommandKey.longestKey ~= key.count else {
            _ = try head()
            return nil
        }
        let keys = [ScopedKey(key: key, scope: scope)]
        return try read("a command key of \(scope)") { reader in
            try reader.connection.run(CommandKeys.find(keys, slots, reader.bound), within: reader.limit).first.map {
                try CommandKeys.read($0, of: keys).1
            }
        }
    }

    /// The newest snapshot of a stream at a version or before it.
    public func snapshot(
        of stream: StreamID, fingerprint: Digest256, atMost version: UInt64
    ) throws -> Snapshot? {
        try read("a snapshot of \(stream)") {
            try Snapshots.find(stream, fingerprint: fingerprint, atMost: version, $0)
        }
    }

    /// How many events of a stream were recorded at a time or before it.
    public func version(of stream: StreamID, at time: Timestamp) throws -> UInt64 {
        try read("stream \(stream) at \(time)") { try $0.version(of: stream, at: time) }
    }

    /// Reads as far as the log is durable. If the writer has connected anew meanwhile, what was read may be another server's:
    /// then it is read again, if that is possible.
    private func read<Value>(
        _ subject: @autoclosure () -> String, canRepeat: () -> Bool = { true }, _ body: (LogReader) throws -> Value
    ) throws -> Value {
        do {
            while true {
                let (_, bound, epoch) = state.known
                // Without a lease what is read cannot be sent: so nobody waits for a server that is gone.
                let isWanted: @Sendable () -> Bool = { [state] in
                    state.known.epoch == epoch && state.lease() != nil
                }
                let value = try readers.read(epoch: epoch, isWanted: isWanted) { connection in
                    let reader = LogReader(
                        connection: connection, logID: logID, slots: slots, bound: bound, limit: timeouts.answer)
                    return try bound.reading(connection, string, within: timeouts.answer) { try body(reader) }
                }
                if state.known.epoch == epoch { return value }
                guard canRepeat() else {
                    throw StoreObstacle(
                        .unavailable,
                        "the connection to \(string.place) was lost while \(subject()) was read: read again")
                }
            }
        } catch let failure as ConnectionFailure {
            throw StoreObstacle(failure, at: string)
                ?? PostgreSQLEventStoreError(.readFailed, "cannot read \(subject()) from \(string.place)", failure)
        }
    }
}

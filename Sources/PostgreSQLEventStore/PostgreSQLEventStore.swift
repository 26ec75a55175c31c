public import EventSourcing
internal import Synchronization

/// A log in a PostgreSQL database, in the schema `daybook`.
///
/// Every append is one transaction and durable when it returns: flushed, and on the synchronous standby if the server has
/// one. Reads have connections of their own and do not wait for the appender. People read `daybook.events` and
/// `daybook.command_keys` with any tool.
///
/// One store at a time appends: each opening raises the log's epoch, which every transaction names. A store that has lost
/// the lead throws ``LeadLost``. A store that loses its connection connects anew, and finds out whether the transaction
/// that was under way was recorded.
public final class PostgreSQLEventStore: EventStore {
    /// How often the size of the tables is asked for.
    private static let usageInterval = Duration.seconds(10)

    /// The id that the log was given when it was made.
    public let logID: UniqueID

    private let string: ConnectionString
    private let clock: @Sendable () -> Timestamp
    private let slots: IndexSlot
    private let timeouts: Timeouts
    private let readers: ReaderPool
    private let writer: Mutex<Writer>
    private let published: Mutex<Published>

    /// What any thread may know without waiting for the writer.
    private struct Published {
        var head: LogHead
        var size: UInt64
        var sizeAsked = ContinuousClock.now
        var isClosed = false
    }

    /// Opens the log of a database, and makes it if there is none.
    ///
    /// - Parameters:
    ///   - connectionString: any of libpq's: a URI, also with several hosts, or keywords and values.
    ///   - clock: what tells the time of records; one that is set back makes no record older than the one before it.
    /// - Throws: ``StoreObstacle`` if the server cannot be reached or takes no writes: try again later. Else
    ///   ``PostgreSQLEventStoreError``: `cannotOpen`; `locked`; `unsuitable`, `foreignSchema` and `newerSchema`, with the
    ///   database left as it was; `notDurable`; `damaged` if the end of the log is not what was written.
    public convenience init(
        _ connectionString: String, clock: @escaping @Sendable () -> Timestamp = Timestamp.now
    ) throws {
        try self.init(connectionString, clock: clock, timeouts: Timeouts())
    }

    /// Opens a log with timeouts of its own.
    init(
        _ connectionString: String, clock: @escaping @Sendable () -> Timestamp = Timestamp.now, timeouts: Timeouts
    ) throws {
        string = try ConnectionString(connectionString)
        self.clock = clock
        self.timeouts = timeouts
        let time = clock()
        let connection = try ServerSession.open(string, for: .writing, within: timeouts.answer)
        do {
            try Lead.lock(connection, string, waiting: timeouts.lock, within: timeouts.answer)
            let identity = try Schema.open(connection, at: time, string, within: timeouts.answer)
            logID = identity.logID
            slots = IndexSlot(salt: identity.salt)
            let owner = UniqueID.version7(at: time)
            guard let lead = try Lead.take(connection, for: owner, onlyIf: nil, within: timeouts.commit) else {
                throw PostgreSQLEventStoreError(
                    .damaged, "\(string.place) has lost the row of its writer, in daybook.writer: restore a backup")
            }
            let reader = LogReader(connection: connection, logID: logID, slots: slots, limit: timeouts.answer)
            let head = try LogTail.load(reader, at: lead.position)
            var writer = Writer(
                WriterConnection(connection, lead, head: head, logID: logID, slots, string, timeouts), logID: logID,
                slots)
            published = Mutex(Published(head: head, size: try writer.size()))
            self.writer = Mutex(writer)
            readers = ReaderPool(string, limit: timeouts.answer)
        } catch let failure as ConnectionFailure {
            throw StoreObstacle(failure, at: string)
                ?? PostgreSQLEventStoreError(.cannotOpen, "cannot open the log in \(string.place)", failure)
        }
    }

    /// Gives the lead back, so that the next store can open the log. Waits for calls under way; later ones throw `closed`.
    /// Does nothing the second time.
    public func close() throws {
        let wasClosed = published.withLock { published in
            defer { published.isClosed = true }
            return published.isClosed
        }
        if wasClosed { return }
        readers.close()
        writer.withLock { $0.close() }
    }

    /// The last durable record. Never waits for the appender.
    public func head() throws -> LogHead {
        let published = published.withLock { $0 }
        if published.isClosed { throw closedError }
        return published.head
    }

    /// Appends a batch in one transaction. See ``EventStore``; calls from several threads take turns.
    ///
    /// - Throws: ``LeadLost``, ``OutcomeUnknown``, and as ``EventStore/append(_:)``.
    public func append(
        _ requests: [AppendRequest]
    ) throws -> (results: [AppendResult], records: [RecordedEvent]) {
        try write { try $0.append(requests, at: clock()) }
    }

    /// Lends the log's records to `body` in order, from the one after `position`.
    public func readLog(
        after position: UInt64, limit: ReadLimit, _ body: (RecordView) throws -> Void
    ) throws {
        var last: LogHead?
        // Also of what was read before a failure.
        defer { if let last { publish(last) } }
        try read("the log after position \(position)") { reader in
            try reader.readLog(after: position, limit: limit) { record in
                let header = record.header
                // The head is always the end of an append, also if it is read before the appender has told of it.
                if !header.continues {
                    last = LogHead(position: header.position, hash: header.hash, recordedAt: header.recordedAt)
                }
                try body(record)
            }
        }
    }

    /// Reads one stream in order, from the event after `version`, and the stream's version at that moment.
    public func readStream(_ stream: StreamID, after version: UInt64, limit: ReadLimit) throws -> StreamSlice {
        let slice = try read("stream \(stream) after version \(version)") {
            try $0.readStream(stream, after: version, limit: limit)
        }
        if let last = slice.events.last(where: { !$0.continues }) {
            publish(LogHead(position: last.position, hash: last.hash, recordedAt: last.recordedAt))
        }
        return slice
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
            try reader.connection.run(CommandKeys.find(keys, slots), within: reader.limit).first.map {
                try CommandKeys.read($0, of: keys).1
            }
        }
    }

    /// Keeps snapshots in one transaction.
    public func keep(_ snapshots: [Snapshot]) throws -> [Bool] { try write { try $0.keep(snapshots) } }

    /// Forgets a snapshot.
    public func dropSnapshot(of stream: StreamID, fingerprint: Digest256, version: UInt64) throws {
        try write { try $0.dropSnapshot(of: stream, fingerprint: fingerprint, version: version) }
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

    /// Writes a row as it is.
    public func tryWriting() throws { try write { try $0.tryWriting() } }

    /// The size of the log's tables and indexes, not older than some seconds if anything is appended. What the server has
    /// in its write-ahead log is not counted.
    public func usage() throws -> StoreUsage {
        let published = published.withLock { $0 }
        if published.isClosed { throw closedError }
        return StoreUsage(bytes: published.size, pendingBytes: 0)
    }
}

extension PostgreSQLEventStore {
    private func write<Value: Sendable>(_ body: (inout Writer) throws -> Value) throws -> Value {
        try writer.withLock { writer in
            if published.withLock({ $0.isClosed }) { throw closedError }
            let value = try body(&writer)
            publish(writer.head)
            askForSize(&writer)
            return value
        }
    }

    private func askForSize(_ writer: inout Writer) {
        let isDue = published.withLock { published in
            guard published.sizeAsked + Self.usageInterval < .now else { return false }
            published.sizeAsked = .now
            return true
        }
        guard isDue else { return }
        do {
            let size = try writer.size()
            published.withLock { $0.size = size }
        } catch {
            // A number for people: the next write meets whatever is in the way.
        }
    }

    private func read<Value>(_ subject: @autoclosure () -> String, _ body: (LogReader) throws -> Value) throws -> Value
    {
        do {
            return try readers.read { connection in
                try body(LogReader(connection: connection, logID: logID, slots: slots, limit: timeouts.answer))
            }
        } catch let failure as ConnectionFailure {
            throw StoreObstacle(failure, at: string)
                ?? PostgreSQLEventStoreError(.readFailed, "cannot read \(subject()) from \(string.place)", failure)
        }
    }

    /// Makes a record the head, unless a newer one is. What a reader has seen is committed, and it may have seen it before
    /// the appender came to tell of it: the head is never behind what was read.
    private func publish(_ head: LogHead) {
        published.withLock { if $0.head.position < head.position { $0.head = head } }
    }

    private var closedError: PostgreSQLEventStoreError {
        PostgreSQLEventStoreError(.closed, "the log \(string.place) was closed; open it again")
    }
}

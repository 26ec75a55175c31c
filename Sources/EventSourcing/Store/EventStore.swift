/// Where a log keeps its records.
///
/// The calls block: a store belongs on threads of its own, never in Swift concurrency's pool. One thread appends; any
/// number may read meanwhile, and never wait for the appender.
public protocol EventStore: Sendable {
    /// The id that the log was given when it was made.
    var logID: UniqueID { get }

    /// The last durable record.
    func head() throws -> LogHead

    /// Appends a batch: each request whole or not at all, all of them durable, by one flush, when the call returns.
    ///
    /// - Returns: the answer to each request in order, and the records made, in the order of their positions.
    /// - Throws: ``StoreObstacle`` if nothing was written and the batch may be appended again later. Any other error
    ///   means that the store failed: whether the batch is on disk is unknown, and the store must not be written to
    ///   again: a flush that failed is never repeated, for the pages it was to write may be gone.
    func append(_ requests: [AppendRequest]) throws -> (results: [AppendResult], records: [RecordedEvent])

    /// Lends the log's records to `body` in order, from the one after `position`; fewer than `limit` allows only at the
    /// end. Where it throws, some may have been lent.
    func readLog(after position: UInt64, limit: ReadLimit, _ body: (RecordView) throws -> Void) throws

    /// Reads one stream in order, from the event after `version`, and the stream's version at that moment.
    func readStream(_ stream: StreamID, after version: UInt64, limit: ReadLimit) throws -> StreamSlice

    /// What was done under a key of a stream, with the fingerprint that bound it; nil where the key is free.
    func outcome(of key: [UInt8], in scope: StreamID) throws -> (fingerprint: Digest256, outcome: KeyedOutcome)?

    /// Keeps copies of streams' states, durable when the call returns; one of the same stream, version and fingerprint
    /// takes the place of the old one. For the appender's thread.
    ///
    /// - Returns: for each whether it was kept; false: the stream has no event of this version and id, so it is of
    ///   another history.
    /// - Throws: as ``append(_:)``.
    func keep(_ snapshots: [Snapshot]) throws -> [Bool]

    /// Forgets the snapshots of a stream that have this fingerprint and version. For the appender's thread.
    func dropSnapshot(of stream: StreamID, fingerprint: Digest256, version: UInt64) throws

    /// The newest snapshot of a stream with a fingerprint that is at a version or before it; nil where there is none.
    func snapshot(of stream: StreamID, fingerprint: Digest256, atMost version: UInt64) throws -> Snapshot?

    /// How many events of a stream were recorded at a time or before it.
    func version(of stream: StreamID, at time: Timestamp) throws -> UInt64

    /// Writes something that changes no record, durably: whether an obstacle is gone. For the appender's thread; waits
    /// for at most some milliseconds.
    ///
    /// - Throws: as ``append(_:)``.
    func tryWriting() throws

    /// What writes for a service, which must not wait: the calls above that write are for programs that do nothing else
    /// meanwhile. Only one of the two is used while the store is open.
    func appender() -> any EventAppender

    /// How much space the store takes now. Returns at once.
    func usage() throws -> StoreUsage

    /// What the store says of itself to those who operate it, not older than some seconds. Returns at once.
    func report() -> StoreReport

    /// Ends the use of the store, once the calls under way have returned; every later call throws. Does nothing the
    /// second time.
    func close() throws
}

extension EventStore {
    /// One that writes before it returns: for stores that are near, and that one program at a time can open.
    public func appender() -> any EventAppender { BlockingAppender(to: self) }

    /// Nothing: a store on one machine that either works or fails.
    public func report() -> StoreReport { StoreReport() }

    /// Reads the log in order, from the record after `position`; fewer than `limit` allows only at the end.
    ///
    /// - Throws: ``ImpossibleRecord``, and whatever the store throws.
    public func readLog(after position: UInt64, limit: ReadLimit) throws -> [RecordedEvent] {
        var records: [RecordedEvent] = []
        try readLog(after: position, limit: limit) { view in
            guard let record = RecordedEvent(view) else { throw ImpossibleRecord(position: view.header.position) }
            records.append(record)
        }
        return records
    }
}

/// A record whose stream or type has a name that no stream or type can have: nobody could have appended it.
public struct ImpossibleRecord: Error, Hashable, Sendable, CustomStringConvertible {
    /// The position of the record.
    public let position: UInt64

    /// One sentence.
    public var description: String {
        "the record at position \(position) has the name of a stream or a type that cannot be one"
    }
}

/// How much a read may return: the first of the two that is reached ends it, but a read never returns nothing where
/// there is something.
public struct ReadLimit: Hashable, Sendable {
    /// The most events.
    public let events: Int
    /// The most bytes of data and metadata.
    public let bytes: Int

    /// A limit; both at least 1.
    public init(events: Int, bytes: Int = 1 << 20) {
        precondition(events > 0 && bytes > 0, "a read limit must allow something")
        self.events = events
        self.bytes = bytes
    }
}

/// A part of a stream.
public struct StreamSlice: Hashable, Sendable {
    /// The events read, oldest first.
    public let events: [RecordedEvent]
    /// The stream's version when they were read, 0 where it does not exist.
    public let version: UInt64

    /// A slice from its parts.
    public init(events: [RecordedEvent], version: UInt64) {
        self.events = events
        self.version = version
    }
}

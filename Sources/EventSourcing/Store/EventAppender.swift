/// Writes to a store without making its caller wait for one that is far away.
///
/// The service that serves a log begins a write, goes on with its other work (heartbeats, refusals, gathering the next
/// batch), and is called when the write has ended. Writes take effect in the order in which they were begun, and end in
/// that order.
public protocol EventAppender: Sendable {
    /// How many writes may be under way at once, at least 1: the answers of a later one may stand on an earlier one, and if
    /// that is not recorded, the later one is not either.
    var maxWritesUnderWay: Int { get }

    /// Begins a write. Never to be called while ``maxWritesUnderWay`` are under way.
    ///
    /// - Parameter completed: is called once, on any thread, perhaps before this call returns. A store that does not
    ///   know yet what became of a write finds out first, however long that takes.
    func begin(_ write: StoreWrite, completed: @escaping @Sendable (StoreWriteResult) -> Void)

    /// Until when what is known of the log may be sent to others; nil if that is not certain now: another program may
    /// have become the one that appends. Returns at once.
    func lease() -> StoreLease?

    /// What keeps the store from reporting what became of the writes under way, in one sentence for people; nil if
    /// nothing does. Returns at once.
    var delay: String? { get }

    /// Has `body` called, once, on any thread, if the store ends by itself: ``LeadLost``, or a failure; at once if it has ended
    /// already. Later writes end with the same.
    func whenEnded(_ body: @escaping @Sendable (any Error) -> Void)
}

extension EventAppender {
    /// The lease, if it has not ended.
    public var validLease: StoreLease? { lease().flatMap { $0.isValid() ? $0 : nil } }
}

/// What a store can be asked to write.
public enum StoreWrite: Sendable {
    /// See ``EventStore/append(_:)``.
    case append([AppendRequest])
    /// See ``EventStore/keep(_:)``.
    case keep([Snapshot])
    /// See ``EventStore/dropSnapshot(of:fingerprint:version:)``.
    case drop(StreamID, fingerprint: Digest256, version: UInt64)
    /// Something that changes no record: whether an obstacle is gone. See ``EventStore/tryWriting()``.
    case probe
}

/// What became of a write.
public enum StoreWriteResult: Sendable {
    /// The answer to each request in order, and the records made, in the order of their positions; all of it durable.
    case appended(results: [AppendResult], records: [RecordedEvent])
    /// For each snapshot whether it was kept.
    case kept([Bool])
    /// A snapshot was dropped, or the probe was written.
    case done
    /// Nothing was written; the same may be written later.
    case obstructed(StoreObstacle)
    /// The store failed, or lost the lead (``LeadLost``): it must not be written to again. Whether the write is recorded is
    /// unknown.
    case failed(any Error)
}

/// The right to report how a log stands.
///
/// Appends need none: the store itself refuses those of a program that does not lead any more. But a read, a status or a
/// refusal says that nothing newer exists, which only who leads can know.
public struct StoreLease: Hashable, Sendable {
    /// Which lead it is: each program that takes the lead of a log has a higher one than all before it. 0: the store has one
    /// program at a time by its nature, and counts no leads.
    public let epoch: UInt64
    /// When it ends; nil: with the store's use by this program.
    public let end: ContinuousClock.Instant?

    /// A lease.
    public init(epoch: UInt64, end: ContinuousClock.Instant?) {
        self.epoch = epoch
        self.end = end
    }

    /// Whether it has not ended.
    public func isValid(at now: ContinuousClock.Instant = .now) -> Bool { end.map { now < $0 } ?? true }
}

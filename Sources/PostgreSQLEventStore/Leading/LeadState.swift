internal import EventSourcing
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// What any thread may know of the writer without waiting for it.
final class LeadState: Sendable {
    private struct Values {
        var head: LogHead
        var change: Int64
        var epoch: Int64
        var durability: Durability
        /// When the lease ends by itself; nil: there is none.
        var leaseEnd: ContinuousClock.Instant?
        /// The socket of the writer's connection, as long as it is open.
        var descriptor: Int32?
        /// What keeps the writer from connecting.
        var delay: String?
        /// When the oldest transaction was sent that is not answered yet.
        var waitingSince: ContinuousClock.Instant?
        var hadStandbys: Bool
        var end: (any Error)?
        var whenEnded: [@Sendable (any Error) -> Void] = []
        var isClosed = false
    }

    /// A commit that takes longer is reported as the delay.
    private static let slowCommitLimit = Duration.seconds(1)

    private let values: Mutex<Values>
    private let hasEndlessLease: Bool

    /// The state of a log that was just opened.
    init(_ lead: Lead, head: LogHead, _ durability: Durability, hasEndlessLease: Bool) {
        self.hasEndlessLease = hasEndlessLease
        values = Mutex(
            Values(
                head: head, change: lead.changes, epoch: lead.epoch, durability: durability,
                hadStandbys: durability.isReplicated))
    }
}

// MARK: - For the writer's thread

extension LeadState {
    /// A connection leads.
    func lead(_ lead: Lead, head: LogHead, _ durability: Durability, on connection: Connection) {
        values.withLock { values in
            values.head = head
            values.change = lead.changes
            values.epoch = lead.epoch
            values.durability = durability
            values.leaseEnd = lead.sentAt + Lease.length
            values.descriptor = connection.polled.fd
            values.delay = nil
            values.waitingSince = nil
        }
    }

    /// A transaction is durable that was sent at a moment.
    func recorded(_ lead: Lead, head: LogHead, sentAt: ContinuousClock.Instant) {
        values.withLock { values in
            values.head = head
            values.change = lead.changes
            values.leaseEnd = sentAt + Lease.length
        }
    }

    /// What the settings are now.
    func note(_ durability: Durability) { values.withLock { $0.durability = durability } }

    /// When the oldest transaction was sent that is not answered yet.
    func wait(since moment: ContinuousClock.Instant?) { values.withLock { $0.waitingSince = moment } }

    /// The connection is lost, or no new one can be made. To be called before it is closed: its socket may be another
    /// one afterwards.
    func lose(_ delay: String) {
        values.withLock { values in
            values.leaseEnd = nil
            values.descriptor = nil
            values.delay = delay
            values.waitingSince = nil
        }
    }

    /// The writer has ended by itself.
    func end(_ error: any Error) {
        let bodies = values.withLock { values in
            values.end = values.end ?? error
            values.delay = nil
            defer { values.whenEnded = [] }
            return values.whenEnded
        }
        for body in bodies { body(error) }
    }
}

// MARK: - For everybody

extension LeadState {
    /// The last durable record, and which lead it is of.
    var known: (head: LogHead, bound: ReadBound, epoch: Int64) {
        values.withLock { ($0.head, ReadBound(position: $0.head.position, change: $0.change), $0.epoch) }
    }

    /// Why the writer has ended by itself; nil if it has not.
    var failure: (any Error)? { values.withLock { $0.end } }

    /// Whether the store was closed.
    var isClosed: Bool { values.withLock { $0.isClosed } }

    /// The bytes that the log takes.
    var size: UInt64 { values.withLock { $0.durability.size } }

    /// Ends the lease, and the store's use.
    ///
    /// - Returns: whether it was closed before.
    func close() -> Bool {
        values.withLock { values in
            defer { values.isClosed = true }
            return values.isClosed
        }
    }

    /// The right to report how the log stands. The end of the connection ends it also while the writer's thread is busy
    /// with something else.
    func lease() -> StoreLease? {
        values.withLock { values in
            if hasEndlessLease { return StoreLease(epoch: UInt64(clamping: values.epoch), end: nil) }
            guard values.end == nil, !values.isClosed, let end = values.leaseEnd, .now < end,
                let descriptor = values.descriptor, !Self.hasHungUp(descriptor)
            else { return nil }
            return StoreLease(epoch: UInt64(clamping: values.epoch), end: end)
        }
    }

    /// What keeps the store from reporting what became of the writes under way.
    var delay: String? {
        values.withLock { values in
            if let delay = values.delay { return delay }
            guard let since = values.waitingSince, .now - since > Self.slowCommitLimit else { return nil }
            let rest =
                values.durability.isReplicated
                ? "it waits for a synchronous standby of \(values.durability.synchronousStandbys)" : "it is slow"
            let seconds = (ContinuousClock.now - since).components.seconds
            return "the server has not confirmed a commit for \(seconds) s: \(rest)"
        }
    }

    /// Has `body` called, once, when the writer ends by itself; at once if it has.
    func whenEnded(_ body: @escaping @Sendable (any Error) -> Void) {
        let end = values.withLock { values in
            if values.end == nil { values.whenEnded.append(body) }
            return values.end
        }
        if let end { body(end) }
    }

    /// What the store says of itself.
    func report() -> StoreReport {
        let values = values.withLock { $0 }
        let durability = values.durability
        var warnings: [String] = []
        if values.hadStandbys, !durability.isReplicated {
            warnings.append(
                "synchronous_standby_names is empty now, so commits do not wait for a standby any more: what is "
                    + "acknowledged is on one machine only; name the standbys again")
        }
        return StoreReport(
            isReplicated: durability.isReplicated, epoch: UInt64(clamping: values.epoch),
            details: [
                StoreReport.Detail("synchronous_commit", durability.synchronousCommit),
                StoreReport.Detail("synchronous_standby_names", durability.synchronousStandbys),
            ], warnings: warnings)
    }

    private static func hasHungUp(_ descriptor: Int32) -> Bool {
        // POLLRDHUP, which Glibc declares only on demand.
        var polled = pollfd(fd: descriptor, events: 0x2000, revents: 0)
        return poll(&polled, 1, 0) > 0
    }
}

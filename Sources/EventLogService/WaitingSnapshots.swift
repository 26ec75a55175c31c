internal import DequeModule
internal import EventSourcing

/// A snapshot that is to be kept or dropped.
struct SnapshotOrder: Sendable {
    enum Kind: Sendable {
        case keep(Snapshot)
        case drop(StreamID, fingerprint: Digest256, version: UInt64)
    }

    let kind: Kind
    let sender: RequestSender

    init(_ kind: Kind, _ sender: RequestSender) {
        self.kind = kind
        self.sender = sender
    }

    /// What it takes in memory, about.
    fileprivate var bytes: Int {
        if case .keep(let snapshot) = kind { snapshot.state.count } else { 0 }
    }
}

/// Snapshots that wait to be kept or dropped: nobody waits for them, and each time costs a flush that a busy stream would
/// else pay again and again.
struct WaitingSnapshots {
    /// Between two times that they are written.
    private static let pause = Duration.milliseconds(100)
    /// If at least this many wait, they are written without a pause.
    private static let maxWaiting = 256
    /// The same limit in bytes.
    private static let maxBytes = 8 << 20
    /// Writes of one time if they are not too many: appends come in between.
    private static let maxWritesAtOnce = 8

    private var orders: Deque<SnapshotOrder> = []
    private var bytes = 0
    private var lastTaken: ContinuousClock.Instant?

    mutating func add(_ new: [SnapshotOrder]) {
        for order in new { bytes += order.bytes }
        orders.append(contentsOf: new)
    }

    private var areTooMany: Bool { orders.count >= Self.maxWaiting || bytes >= Self.maxBytes }

    /// How long they should wait still; nil if there are none.
    var delay: Duration? {
        if orders.isEmpty { return nil }
        guard !areTooMany, let lastTaken else { return .zero }
        return max(.zero, Self.pause - (.now - lastTaken))
    }

    /// Takes the next writes out.
    mutating func take() -> [PendingWrite] {
        lastTaken = .now
        return take(atMost: areTooMany ? .max : Self.maxWritesAtOnce)
    }

    /// Takes all of them out.
    mutating func takeAll() -> [PendingWrite] { take(atMost: .max) }

    /// In their order: a snapshot that is kept before it is dropped must be gone.
    private mutating func take(atMost limit: Int) -> [PendingWrite] {
        var writes: [PendingWrite] = []
        var kept: [Snapshot] = []
        var senders: [RequestSender] = []
        func keep() {
            if !kept.isEmpty { writes.append(PendingWrite(.keep(kept), for: senders)) }
            (kept, senders) = ([], [])
        }
        while writes.count < limit, let order = orders.popFirst() {
            bytes -= order.bytes
            switch order.kind {
            case .keep(let snapshot):
                kept.append(snapshot)
                senders.append(order.sender)
            case .drop(let stream, let fingerprint, let version):
                keep()
                writes.append(
                    PendingWrite(.drop(stream, fingerprint: fingerprint, version: version), for: [order.sender]))
            }
        }
        keep()
        return writes
    }
}

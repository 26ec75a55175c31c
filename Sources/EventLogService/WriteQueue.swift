internal import DequeModule
internal import EventSourcing

/// A write that the store is to carry out, with those who are told what became of it.
struct PendingWrite: Sendable {
    enum Content: Sendable {
        /// - areChecks: whether they are the checks of a batch that the store could not write.
        case append([AppendRequest], areChecks: Bool)
        case keep([Snapshot])
        case drop(StreamID, fingerprint: Digest256, version: UInt64)
        case probe
    }

    let content: Content
    /// Who sent each of its requests.
    let senders: [RequestSender]

    init(_ content: Content, for senders: [RequestSender] = []) {
        self.content = content
        self.senders = senders
    }

    /// Whether it is of no use while the store takes no writes.
    var changesLog: Bool {
        switch content {
        case .append(_, let areChecks): !areChecks
        case .keep, .drop: true
        case .probe: false
        }
    }

    /// What the store is asked to do.
    var ofStore: StoreWrite {
        switch content {
        case .append(let requests, _): .append(requests)
        case .keep(let snapshots): .keep(snapshots)
        case .drop(let stream, let fingerprint, let version): .drop(stream, fingerprint: fingerprint, version: version)
        case .probe: .probe
        }
    }
}

/// The writes of a log in their order: those under way, no more than the store takes at once, and those that wait until
/// they may begin.
struct WriteQueue {
    private let maxUnderWay: Int
    private var underWay: Deque<(number: UInt64, write: PendingWrite)> = []
    private var waiting: Deque<PendingWrite> = []
    private var begun: UInt64 = 0

    /// - Parameter maxUnderWay: at least 1.
    init(maxUnderWay: Int) { self.maxUnderWay = max(1, maxUnderWay) }

    /// Whether a write that is added now may begin at once.
    var hasRoom: Bool { underWay.count + waiting.count < maxUnderWay }

    /// Whether nothing is under way or waits.
    var isIdle: Bool { underWay.isEmpty && waiting.isEmpty }

    /// Adds a write behind all others.
    mutating func add(_ write: PendingWrite) { waiting.append(write) }

    /// The write that may begin now, and is under way from now on; nil if there is none.
    mutating func begin() -> (number: UInt64, write: PendingWrite)? {
        guard underWay.count < maxUnderWay, let write = waiting.popFirst() else { return nil }
        begun += 1
        underWay.append((begun, write))
        return (begun, write)
    }

    /// Takes a write out that has ended; nil if another one should have ended before it, or if it ended before.
    mutating func end(_ number: UInt64) -> PendingWrite? {
        guard isOldest(number) else { return nil }
        return underWay.removeFirst().write
    }

    /// Whether a write is under way, and no other began before it.
    func isOldest(_ number: UInt64) -> Bool { underWay.first?.number == number }

    /// Takes those out that wait and are to be removed: they will not begin.
    mutating func removeWaiting(if isRemoved: (PendingWrite) -> Bool) -> [PendingWrite] {
        let removed = waiting.filter(isRemoved)
        if !removed.isEmpty { waiting.removeAll(where: isRemoved) }
        return Array(removed)
    }
}

internal import DequeModule
internal import EventSourcing

/// A write that the store is to carry out, with those who get its outcome.
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
/// they may begin. The outcome of one is reported only after the outcomes of those before it.
struct WriteQueue {
    private struct UnderWay {
        let number: UInt64
        let write: PendingWrite
        /// What became of it, until those before it have ended, too.
        var result: StoreWriteResult?
    }

    private let maxUnderWay: Int
    private var underWay: Deque<UnderWay> = []
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
        underWay.append(UnderWay(number: begun, write: write))
        return (begun, write)
    }

    /// A write has ended.
    ///
    /// - Returns: false if none of this number is under way.
    mutating func end(_ number: UInt64, with result: StoreWriteResult) -> Bool {
        guard let index = underWay.firstIndex(where: { $0.number == number && $0.result == nil }) else { return false }
        underWay[index].result = result
        return true
    }

    /// Takes the next write out that has ended; nil if there is none, or if one that began before it has not ended.
    mutating func takeEnded() -> (write: PendingWrite, result: StoreWriteResult)? {
        guard let first = underWay.first, let result = first.result else { return nil }
        underWay.removeFirst()
        return (first.write, result)
    }

    /// Takes those out that wait and are to be removed: they will not begin.
    mutating func removeWaiting(if isRemoved: (PendingWrite) -> Bool) -> [PendingWrite] {
        let removed = waiting.filter(isRemoved)
        if !removed.isEmpty { waiting.removeAll(where: isRemoved) }
        return Array(removed)
    }
}

internal import DequeModule
internal import ZeroMQ

/// What peers asked for and has not been done, taken from them in turn, however much each asked for.
struct FairQueue<Element> {
    /// How much may wait.
    struct Bounds {
        let count: Int
        let bytes: Int
    }

    private struct Waiting {
        /// Whose connection it is, if peers are told apart.
        let holder: CurvePublicKey?
        var elements: Deque<(element: Element, bytes: Int)> = []
        var bytes = 0

        mutating func removeFirst() -> (element: Element, bytes: Int)? {
            guard let first = elements.popFirst() else { return nil }
            bytes -= first.bytes
            return first
        }
    }

    private struct Load {
        var count = 0
        var bytes = 0
    }

    let maxOfPeer: Bounds
    /// Of all connections of one that holds a key.
    let maxOfHolder: Bounds
    let maxInAll: Bounds
    private var peers: [[UInt8]: Waiting] = [:]
    private var holders: [CurvePublicKey: Load] = [:]
    private var turns: Deque<[UInt8]> = []
    private(set) var count = 0
    private(set) var bytes = 0

    init(maxOfPeer: Bounds, maxOfHolder: Bounds? = nil, maxInAll: Bounds) {
        self.maxOfPeer = maxOfPeer
        self.maxOfHolder = maxOfHolder ?? maxInAll
        self.maxInAll = maxInAll
    }

    var isEmpty: Bool { count == 0 }

    func contains(_ peer: [UInt8]) -> Bool { count > 0 && peers[peer] != nil }

    /// - Parameters:
    ///   - size: what the element takes in memory, about.
    ///   - holder: the key of the peer, if it has one; the same for all of its connections.
    /// - Returns: false if the peer has too much in the queue already, or all together have.
    mutating func add(
        _ element: Element, bytes size: Int, from peer: [UInt8], of holder: CurvePublicKey? = nil
    ) -> Bool {
        guard count < maxInAll.count, size <= maxInAll.bytes - bytes else { return false }
        if let load = holder.flatMap({ holders[$0] }) {
            guard load.count < maxOfHolder.count, size <= maxOfHolder.bytes - load.bytes else { return false }
        }
        if let waiting = peers[peer] {
            guard waiting.elements.count < maxOfPeer.count, size <= maxOfPeer.bytes - waiting.bytes else {
                return false
            }
        } else {
            guard maxOfPeer.count > 0, size <= maxOfPeer.bytes else { return false }
            turns.append(peer)
        }
        var waiting = peers.removeValue(forKey: peer) ?? Waiting(holder: holder)
        waiting.elements.append((element, size))
        waiting.bytes += size
        change(waiting.holder, count: 1, bytes: size)
        peers[peer] = waiting
        return true
    }

    /// Counts what came, or left.
    private mutating func change(_ holder: CurvePublicKey?, count change: Int, bytes size: Int) {
        count += change
        bytes += size
        guard let holder else { return }
        holders[holder, default: Load()].count += change
        holders[holder]?.bytes += size
        if holders[holder]?.count == 0 { holders[holder] = nil }
    }

    /// The next element of the peer whose turn it is; a peer that may not is passed over.
    mutating func next(ifMay: ([UInt8]) -> Bool) -> (peer: [UInt8], element: Element)? {
        for _ in 0..<turns.count {
            let peer = turns.removeFirst()
            guard ifMay(peer) else {
                turns.append(peer)
                continue
            }
            guard let next = peers[peer]?.removeFirst() else { continue }
            change(peers[peer]?.holder, count: -1, bytes: -next.bytes)
            if peers[peer]?.elements.isEmpty == true { peers[peer] = nil } else { turns.append(peer) }
            return (peer, next.element)
        }
        return nil
    }

    /// Drops what a peer asked for.
    ///
    /// - Returns: how much that was.
    mutating func removeAll(from peer: [UInt8]) -> Int {
        guard let removed = peers.removeValue(forKey: peer) else { return 0 }
        turns.removeAll { $0 == peer }
        change(removed.holder, count: -removed.elements.count, bytes: -removed.bytes)
        return removed.elements.count
    }

    /// Drops the elements at the front of each peer's queue that are no longer wanted.
    ///
    /// - Returns: how many that were.
    mutating func removeFirst(while isUnwanted: (Element) -> Bool) -> Int {
        var removed = 0
        for peer in turns {
            while let first = peers[peer]?.elements.first, isUnwanted(first.element) {
                _ = peers[peer]?.removeFirst()
                change(peers[peer]?.holder, count: -1, bytes: -first.bytes)
                removed += 1
            }
            if peers[peer]?.elements.isEmpty == true { peers[peer] = nil }
        }
        turns.removeAll { peers[$0] == nil }
        return removed
    }
}

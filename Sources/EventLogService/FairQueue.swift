internal import DequeModule

/// What peers asked for and has not been done, taken from them in turn, however much each asked for.
struct FairQueue<Element> {
    let maxOfPeer: Int
    let maxInAll: Int
    private var peers: [[UInt8]: Deque<Element>] = [:]
    private var turns: Deque<[UInt8]> = []
    private(set) var count = 0

    init(maxOfPeer: Int, maxInAll: Int) {
        self.maxOfPeer = maxOfPeer
        self.maxInAll = maxInAll
    }

    var isEmpty: Bool { count == 0 }

    func contains(_ peer: [UInt8]) -> Bool { count > 0 && peers[peer] != nil }

    /// - Returns: false if the peer has too much in the queue already, or all together have.
    mutating func add(_ element: Element, from peer: [UInt8]) -> Bool {
        guard count < maxInAll, (peers[peer]?.count ?? 0) < maxOfPeer else { return false }
        if peers[peer] == nil { turns.append(peer) }
        peers[peer, default: []].append(element)
        count += 1
        return true
    }

    /// The next element of the peer whose turn it is; a peer that may not is passed over.
    mutating func next(ifMay: ([UInt8]) -> Bool) -> (peer: [UInt8], element: Element)? {
        for _ in 0..<turns.count {
            let peer = turns.removeFirst()
            guard ifMay(peer) else {
                turns.append(peer)
                continue
            }
            guard let element = peers[peer]?.popFirst() else { continue }
            count -= 1
            if peers[peer]?.isEmpty == true { peers[peer] = nil } else { turns.append(peer) }
            return (peer, element)
        }
        return nil
    }

    /// Drops what a peer asked for.
    ///
    /// - Returns: how much that was.
    mutating func removeAll(from peer: [UInt8]) -> Int {
        guard let removed = peers.removeValue(forKey: peer)?.count else { return 0 }
        turns.removeAll { $0 == peer }
        count -= removed
        return removed
    }

    /// Drops the elements at the front of each peer's queue that are no longer wanted.
    ///
    /// - Returns: how many that were.
    mutating func removeFirst(while isUnwanted: (Element) -> Bool) -> Int {
        var removed = 0
        for peer in turns {
            while let first = peers[peer]?.first, isUnwanted(first) {
                peers[peer]?.removeFirst()
                removed += 1
            }
            if peers[peer]?.isEmpty == true { peers[peer] = nil }
        }
        turns.removeAll { peers[$0] == nil }
        count -= removed
        return removed
    }
}

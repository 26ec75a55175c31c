internal import EventSourcing

/// The accounts with a record that cannot be applied.
struct UnreadableAccounts: Sendable {
    private var byName: [String: UnreadableAccount] = [:]
    /// In the order of their positions, and so of the times of their records.
    private(set) var inOrder: [UnreadableAccount] = []

    var isEmpty: Bool { inOrder.isEmpty }
    var count: Int { inOrder.count }

    subscript(_ name: String) -> UnreadableAccount? { byName[name] }

    /// The number of those whose record was there at a time; all of them without one.
    func count(by time: Timestamp?) -> Int {
        guard let time else { return count }
        var (low, high) = (0, inOrder.count)
        while low < high {
            let middle = (low + high) / 2
            if inOrder[middle].recordedAt > time { high = middle } else { low = middle + 1 }
        }
        return low
    }

    /// Adds the next in the order of positions.
    mutating func add(_ account: UnreadableAccount) {
        byName[account.name] = account
        inOrder.append(account)
    }
}

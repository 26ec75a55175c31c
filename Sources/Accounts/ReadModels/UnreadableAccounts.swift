internal import EventSourcing

/// The accounts with a record that cannot be applied.
struct UnreadableAccounts: Sendable {
    private var byName: [String: UnreadableAccount] = [:]
    /// In the order of their positions, and so of the times of their records.
    private(set) var inOrder: [UnreadableAccount] = []
    /// Where they stand in ``inOrder``, in the order of their names.
    private var names = SortedPlaces()

    var isEmpty: Bool { inOrder.isEmpty }
    var count: Int { inOrder.count }

    subscript(_ name: String) -> UnreadableAccount? { byName[name] }

    /// The number of those of a range whose record was there at a time; all of them without one.
    func count(by time: Timestamp?, in range: NameRange) -> Int {
        range == .all ? count(by: time) : countByName(by: time, in: range)
    }

    private func countByName(by time: Timestamp?, in range: NameRange) -> Int {
        var count = 0
        names.forEach(from: { inOrder[Int($0)].name >= range.beginning }) { place in
            let account = inOrder[Int(place)]
            guard range.contains(account.name) else { return false }
            if time.map({ account.recordedAt <= $0 }) ?? true { count += 1 }
            return true
        }
        return count
    }

    private func count(by time: Timestamp?) -> Int {
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
        names.insert(Int32(inOrder.count - 1)) { [inOrder] in inOrder[Int($0)].name > account.name }
    }
}

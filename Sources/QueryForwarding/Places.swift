internal import Synchronization

/// So many may be taken at once.
final class Places: Sendable {
    private let count = Atomic<Int>(0)
    private let most: Int

    init(_ most: Int) { self.most = most }

    /// Takes one; false where all are taken.
    func begin() -> Bool {
        guard count.add(1, ordering: .relaxed).newValue <= most else {
            end()
            return false
        }
        return true
    }

    /// Gives one back.
    func end() { count.subtract(1, ordering: .relaxed) }
}

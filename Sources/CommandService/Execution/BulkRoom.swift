internal import DequeModule

/// How many commands of those that come many at once may wait for their answers; further ones wait outside, in their
/// order.
struct BulkRoom {
    private let most: Int
    private var inside = 0
    private var waiting: Deque<(count: Int, continuation: CheckedContinuation<Void, Never>)> = []

    init(for most: Int) { self.most = most }

    /// Lets some in, where there is room; false: they must wait.
    mutating func enter(_ count: Int) -> Bool {
        guard waiting.isEmpty, hasRoom(for: count) else { return false }
        inside += count
        return true
    }

    /// Lets somebody who may not enter wait until he has.
    mutating func wait(_ count: Int, _ continuation: CheckedContinuation<Void, Never>) {
        waiting.append((count, continuation))
    }

    /// One of those inside is answered.
    mutating func leave() {
        inside -= 1
        while let next = waiting.first, hasRoom(for: next.count) {
            waiting.removeFirst()
            inside += next.count
            next.continuation.resume()
        }
    }

    /// Whoever is alone may enter, however many they are.
    private func hasRoom(for count: Int) -> Bool { inside == 0 || inside + count <= most }
}

internal import DequeModule

/// The requests that wait for their answers: each has a number, a deadline and whoever waits.
///
/// A pure data structure: the caller says what time it is. Every request leaves it exactly once: answered, expired or
/// given up. An answer that comes after that finds nothing and is counted.
package struct PendingRequests<Waiter> {
    private struct Request {
        /// Since ``begin``.
        let due: Duration
        /// nil once the request has left.
        var waiter: Waiter?
    }

    /// The requests from `firstNumber` on, each at the place that its number tells. One that leaves is let go when it is
    /// the first; answers come in about the order of the requests, so that is soon.
    private var requests = Deque<Request>()
    private var firstNumber: UInt64 = 1
    /// Deadlines are kept as times since then, since instants of the clock are opaque to the compiler and dear to copy.
    private let begin = ContinuousClock.now
    /// Those that still wait while many that came after them have left.
    private var stragglers: [UInt64: Request] = [:]

    /// The most requests that may wait at once.
    package let limit: Int

    /// The number of requests that wait.
    package private(set) var count = 0

    /// Answers that came for no request that still waits.
    package private(set) var lateAnswers: UInt64 = 0

    /// An empty table for at most `limit` requests.
    package init(limit: Int) {
        self.limit = limit
    }

    /// Whether another request may be added.
    package var hasRoom: Bool { count < limit }

    /// Adds a request.
    ///
    /// - Returns: its number, never used before; nil where the table is full.
    package mutating func add(_ waiter: Waiter, until due: ContinuousClock.Instant) -> UInt64? {
        guard hasRoom else { return nil }
        requests.append(Request(due: due - begin, waiter: waiter))
        count += 1
        return firstNumber + UInt64(requests.count - 1)
    }

    /// Takes out the request that an answer is for; nil, and counted, where it no longer waits.
    package mutating func answer(_ number: UInt64) -> Waiter? {
        let waiter = withdraw(number)
        if waiter == nil { lateAnswers += 1 }
        return waiter
    }

    /// Takes out a request that its sender gives up; nil where it no longer waits.
    package mutating func withdraw(_ number: UInt64) -> Waiter? {
        guard number >= firstNumber else { return leave(stragglers.removeValue(forKey: number)?.waiter) }
        guard number - firstNumber < UInt64(requests.count) else { return nil }
        return leave(requests[Int(number - firstNumber)].waiter.take())
    }

    /// Takes out every request whose deadline has come, earliest deadline first. Looks at all that wait.
    package mutating func expire(at now: ContinuousClock.Instant) -> [Waiter] {
        let now = now - begin
        return waiting.filter { $0.due <= now }.sorted { ($0.due, $0.number) < ($1.due, $1.number) }
            .compactMap { withdraw($0.number) }
    }

    /// Takes out everything, oldest request first: the peer that was to answer is gone.
    package mutating func removeAll() -> [Waiter] { removeAll { _ in true } }

    /// Takes out those of whom a condition is true, oldest request first. Looks at all that wait.
    package mutating func removeAll(where condition: (Waiter) -> Bool) -> [Waiter] {
        waiting.filter { condition($0.waiter) }.map(\.number).sorted().compactMap { withdraw($0) }
    }

    /// The number that the next request gets.
    package var nextNumber: UInt64 { firstNumber + UInt64(requests.count) }

    /// Whether one waits with a smaller number than this of whom a condition is true. May look at all that wait.
    package func contains(before number: UInt64, where condition: (Waiter) -> Bool) -> Bool {
        waiting.contains { $0.number < number && condition($0.waiter) }
    }

    /// The earliest deadline; nil where nothing waits. Looks at all that wait.
    package var nextDeadline: ContinuousClock.Instant? { waiting.map(\.due).min().map { begin + $0 } }

    private var waiting: [(number: UInt64, due: Duration, waiter: Waiter)] {
        stragglers.compactMap { number, request in request.waiter.map { (number, request.due, $0) } }
            + requests.indices.compactMap { index in
                requests[index].waiter.map { (firstNumber + UInt64(index), requests[index].due, $0) }
            }
    }

    private mutating func leave(_ waiter: Waiter?) -> Waiter? {
        guard let waiter else { return nil }
        count -= 1
        // So that what is held stays in proportion to what waits.
        while !requests.isEmpty, requests[0].waiter == nil || requests.count > 2 * count + 64 {
            let first = requests.removeFirst()
            if first.waiter != nil { stragglers[firstNumber] = first }
            firstNumber += 1
        }
        return waiter
    }
}

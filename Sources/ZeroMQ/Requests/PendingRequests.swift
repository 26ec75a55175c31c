internal import DequeModule

/// The requests that wait for their answers: each has a number, a deadline and whoever waits.
///
/// A pure data structure: the caller says what time it is. Every request leaves it exactly once: answered, expired or
/// given up. An answer that comes after that finds nothing and is counted.
public struct PendingRequests<Waiter> {
    private struct Deadline: Comparable {
        let due: ContinuousClock.Instant
        let number: UInt64

        static func < (left: Deadline, right: Deadline) -> Bool {
            (left.due, left.number) < (right.due, right.number)
        }
    }

    private var waiters: [UInt64: Waiter] = [:]
    /// In their order. Nearly every new one is the last, for requests of one kind have the same patience.
    private var deadlines = Deque<Deadline>()
    private var lastNumber: UInt64 = 0

    /// The most requests that may wait at once.
    public let limit: Int

    /// Answers that came for no request that still waits.
    public private(set) var lateAnswers: UInt64 = 0

    /// An empty table for at most `limit` requests.
    public init(limit: Int) {
        self.limit = limit
    }

    /// The number of requests that wait.
    public var count: Int { waiters.count }

    /// Whether another request may be added.
    public var hasRoom: Bool { waiters.count < limit }

    /// Adds a request.
    ///
    /// - Returns: its number, never used before; nil where the table is full.
    public mutating func add(_ waiter: Waiter, until due: ContinuousClock.Instant) -> UInt64? {
        guard hasRoom else { return nil }
        lastNumber += 1
        waiters[lastNumber] = waiter
        insert(Deadline(due: due, number: lastNumber))
        return lastNumber
    }

    /// Takes out the request that an answer is for; nil, and counted, where it no longer waits.
    public mutating func answer(_ number: UInt64) -> Waiter? {
        guard let waiter = waiters.removeValue(forKey: number) else {
            lateAnswers += 1
            return nil
        }
        discardStaleDeadlines()
        return waiter
    }

    /// Takes out a request that its sender gives up; nil where it no longer waits.
    public mutating func withdraw(_ number: UInt64) -> Waiter? {
        defer { discardStaleDeadlines() }
        return waiters.removeValue(forKey: number)
    }

    /// Takes out every request whose deadline has come, earliest deadline first.
    public mutating func expire(at now: ContinuousClock.Instant) -> [Waiter] {
        var expired: [Waiter] = []
        while let next = deadlines.first, next.due <= now {
            deadlines.removeFirst()
            if let waiter = waiters.removeValue(forKey: next.number) { expired.append(waiter) }
        }
        discardStaleDeadlines()
        return expired
    }

    /// Takes out everything, oldest request first: the peer that was to answer is gone.
    public mutating func removeAll() -> [Waiter] {
        let all = waiters.sorted { $0.key < $1.key }.map(\.value)
        waiters = [:]
        deadlines = []
        return all
    }

    /// The earliest deadline; nil where nothing waits.
    public var nextDeadline: ContinuousClock.Instant? { deadlines.first?.due }

    private mutating func insert(_ deadline: Deadline) {
        var index = deadlines.count
        while index > 0, deadline < deadlines[index - 1] { index -= 1 }
        deadlines.insert(deadline, at: index)
    }

    /// Deadlines of answered requests go when they come to the front, and all at once where they outnumber the others,
    /// so that they stay in proportion to what waits.
    private mutating func discardStaleDeadlines() {
        while let next = deadlines.first, waiters[next.number] == nil { deadlines.removeFirst() }
        if deadlines.count > 2 * waiters.count + 64 {
            deadlines.removeAll { waiters[$0.number] == nil }
        }
    }
}

/// A rate limit with room for bursts: a bucket of tokens that fills again with time.
public struct TokenBucket: Hashable, Sendable {
    private let capacity: Double
    private let perSecond: Double
    private var level: Double
    private var lastFilled: ContinuousClock.Instant?

    /// A full bucket.
    ///
    /// - Parameters:
    ///   - capacity: the most that may be taken at once.
    ///   - perSecond: what it gains in a second, until it is full again.
    public init(capacity: Int, perSecond: Int) {
        self.capacity = Double(capacity)
        self.perSecond = Double(perSecond)
        level = self.capacity
    }

    /// Takes `count` tokens if there are as many.
    ///
    /// - Returns: whether they were taken.
    public mutating func take(_ count: UInt64 = 1, at now: ContinuousClock.Instant) -> Bool {
        fill(at: now)
        guard Double(count) <= level else { return false }
        level -= Double(count)
        return true
    }

    /// How long it takes until one token is there.
    public mutating func timeToNext(at now: ContinuousClock.Instant) -> Duration {
        fill(at: now)
        return level >= 1 ? .zero : .nanoseconds(Int64((1 - level) / max(perSecond, 0.001) * 1e9) + 1)
    }

    private mutating func fill(at now: ContinuousClock.Instant) {
        let gained = lastFilled.map { $0.duration(to: now) / .seconds(1) } ?? 0
        lastFilled = now
        level = min(capacity, level + max(0, gained) * perSecond)
    }
}

internal import Synchronization

/// A rate limit of its own for every key, such as an actor or an address: a token bucket that holds what the rate allows
/// in a second, or in some.
///
/// Each bucket is one number, the time at which it is full again (GCRA, the generic cell rate algorithm of ITU-T I.371). Keys whose
/// bucket is full are evicted; if there are more keys than the limit, further ones share one bucket.
public final class RateLimit<Key: Hashable & Sendable>: Sendable {
    /// The rate.
    public let rate: Rate

    /// The nanoseconds that one request takes.
    private let interval: Int64
    private let maxKeys: Int
    private let start = ContinuousClock.now
    private let state: Mutex<State>

    /// How much a bucket holds, in nanoseconds.
    private let capacity: Int64

    private struct State {
        /// When each bucket is full again, in nanoseconds since the limit was made.
        var full: [Key: Int64] = [:]
        /// The same of the bucket of all further keys.
        var fullShared: Int64 = 0
        var nextEviction: Int64 = 0
    }

    /// A limit with full buckets.
    ///
    /// - Parameters:
    ///   - burst: how many seconds' worth a bucket holds, 1 to 60.
    ///   - maxKeys: how many keys have a bucket of their own at once.
    public init(_ rate: Rate, burst: Int = 1, maxKeys: Int = 100_000) {
        self.rate = rate
        self.maxKeys = max(1, maxKeys)
        // From 1,000 to 1,000,000,000.
        interval = 1_000_000_000 / Int64(rate.perSecond)
        capacity = Int64(min(max(1, burst), 60)) * 1_000_000_000
        state = Mutex(State())
    }

    /// How many keys have a bucket now.
    public var keyCount: Int { state.withLock { $0.full.count } }

    /// Takes requests from a key's bucket if they are within the rate.
    ///
    /// - Parameter count: how many; more than a bucket holds is never within the rate.
    /// - Returns: nil if they were taken; else the time to wait, in whole seconds, at least 1.
    public func take(_ count: Int = 1, for key: Key, at now: ContinuousClock.Instant = .now) -> Int? {
        let cost = cost(of: count)
        let now = time(now)
        let wait = withBucket(of: key, at: now) { full -> Int64 in
            let wanted = max(full, now) + cost
            guard wanted - now > capacity else {
                full = wanted
                return 0
            }
            return wanted - now - capacity
        }
        return wait > 0 ? Int((wait + 999_999_999) / 1_000_000_000) : nil
    }

    /// Takes requests from a key's bucket, even those that it does not hold yet: for one who then waits.
    ///
    /// Half of the bucket stays for ``take(_:for:at:)``: whoever does much at once is not shut out from all else.
    ///
    /// - Returns: how long to wait, so that the rate is kept; at most an hour for one call.
    public func reserve(_ count: Int = 1, for key: Key, at now: ContinuousClock.Instant = .now) -> Duration {
        let cost = cost(of: count)
        let now = time(now)
        let wait = withBucket(of: key, at: now) { full -> Int64 in
            // What many have reserved at once stays bounded, too.
            full = min(max(full, now) + cost, now + 2 * Self.maxCost)
            return max(0, full - now - capacity / 2)
        }
        return .nanoseconds(min(wait, Self.maxCost))
    }

    private static var maxCost: Int64 { 3_600_000_000_000 }

    private func cost(of count: Int) -> Int64 {
        let (cost, isTooMuch) = interval.multipliedReportingOverflow(by: Int64(clamping: max(0, count)))
        return isTooMuch ? Self.maxCost : min(cost, Self.maxCost)
    }

    /// Nanoseconds since the limit was made: 292 years fit.
    private func time(_ now: ContinuousClock.Instant) -> Int64 {
        let (seconds, attoseconds) = max(.zero, start.duration(to: now)).components
        return min(seconds, 1 << 32) * 1_000_000_000 + attoseconds / 1_000_000_000
    }

    private func withBucket(of key: Key, at now: Int64, _ body: (inout Int64) -> Int64) -> Int64 {
        state.withLock { state in
            if state.full[key] == nil, state.full.count >= maxKeys { evict(&state, at: now) }
            guard state.full[key] != nil || state.full.count < maxKeys else { return body(&state.fullShared) }
            return body(&state.full[key, default: 0])
        }
    }

    /// Removes the full buckets, at most once in the time in which a bucket that is let alone gets full.
    private func evict(_ state: inout State, at now: Int64) {
        guard now >= state.nextEviction else { return }
        state.nextEviction = now + capacity
        state.full = state.full.filter { $0.value > now }
    }
}

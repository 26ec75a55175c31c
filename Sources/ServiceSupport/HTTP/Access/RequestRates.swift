internal import Access
internal import Synchronization

/// How many requests each client may send in a second, and as many at once.
///
/// Each client has the time at which its allowance is full again (the virtual scheduling of the generic cell rate algorithm,
/// ITU-T I.371): one number, whatever the limit.
public final class RequestRates: Sendable {
    /// Whose requests are counted together.
    enum Source: Hashable, Sendable {
        /// Somebody, from wherever.
        case actor(String)
        /// Those at an address who prove nothing.
        case address(ClientAddress)

        /// Whose request it is.
        init(_ caller: Caller, at address: ClientAddress) {
            self = caller.actor.map(Source.actor) ?? .address(address)
        }
    }

    /// Beyond so many clients those are forgotten whose allowance is full again.
    private static let maxSources = 65_536

    private let interval: Duration
    private let full = Duration.seconds(1)
    private let times = Mutex<[Source: ContinuousClock.Instant]>([:])

    /// A limit.
    ///
    /// - Precondition: it is more than zero.
    public init(requestsPerSecond: Int) {
        precondition(requestsPerSecond > 0)
        interval = .seconds(1) / requestsPerSecond
    }

    /// Counts a request.
    ///
    /// - Returns: nil if it may be done now, else when: then it does not count.
    func take(from source: Source, at now: ContinuousClock.Instant = .now) -> Duration? {
        times.withLock { times in
            let time = max(times[source] ?? now, now)
            let wait = (time + interval) - (now + full)
            guard wait <= .zero else { return wait }
            if times[source] == nil, times.count >= Self.maxSources { Self.forget(&times, now) }
            times[source] = time + interval
            return nil
        }
    }

    /// When the next request may be done; nil: now.
    func wait(of source: Source, at now: ContinuousClock.Instant = .now) -> Duration? {
        times.withLock { times in
            guard let time = times[source] else { return nil }
            let wait = (time + interval) - (now + full)
            return wait > .zero ? wait : nil
        }
    }

    /// Counts as many requests, whatever the limit.
    ///
    /// - Returns: how long to wait before they may be done.
    func owe(_ count: Int, from source: Source, at now: ContinuousClock.Instant = .now) -> Duration {
        times.withLock { times in
            let time = max(times[source] ?? now, now) + interval * count
            if times[source] == nil, times.count >= Self.maxSources { Self.forget(&times, now) }
            times[source] = time
            return max(.zero, time - (now + full))
        }
    }

    private static func forget(_ times: inout [Source: ContinuousClock.Instant], _ now: ContinuousClock.Instant) {
        times = times.filter { $0.value > now }
        // That many at once are no clients: nobody is refused for it.
        if times.count >= maxSources { times.removeAll() }
    }
}

public import Access

/// How many requests each client may send in a second: each actor, and each address of those who prove nothing.
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

    private let limit: RateLimit<Source>

    /// A limit.
    public init(_ rate: Rate) { limit = RateLimit(rate) }

    /// The limit.
    var perSecond: Int { limit.rate.perSecond }

    /// Counts a request.
    ///
    /// - Returns: nil if it may be done now, else after how many seconds: then it does not count.
    func take(from source: Source) -> Int? { limit.take(for: source) }

    /// Counts as many requests, whatever the limit.
    ///
    /// - Returns: how long to wait before they may be done.
    func reserve(_ count: Int, for source: Source) -> Duration { limit.reserve(count, for: source) }
}

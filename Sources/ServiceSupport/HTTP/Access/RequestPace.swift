/// The pace of a request that does what many requests do: each of its parts counts as one, and waits for its time rather
/// than being refused.
public struct RequestPace: Sendable {
    /// The pace of the request that the current task answers; nil: any. A body that is written later must take it along.
    @TaskLocal public static var current: RequestPace?

    let rates: RequestRates
    let source: RequestRates.Source

    /// How many parts may be done without a wait, if nothing was done for long.
    public var requestsAtOnce: Int { rates.perSecond }

    /// Counts parts of the request, and returns when they may be done.
    ///
    /// - Throws: `CancellationError`.
    public func wait(for count: Int) async throws {
        let wait = rates.reserve(count, for: source)
        // Until then nobody else has anything to tell.
        if wait > .zero { try await Task.sleep(for: wait) }
    }
}

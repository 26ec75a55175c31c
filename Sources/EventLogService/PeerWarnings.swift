internal import Logging
internal import Synchronization

/// Says that peers misbehave: one line at a time, however much they do.
final class PeerWarnings: Sendable {
    private static let interval = Duration.seconds(10)

    private struct State {
        var lastLine: ContinuousClock.Instant?
        var unsaid = 0
    }

    private let logger: Logger
    private let state = Mutex(State())

    init(_ logger: Logger) { self.logger = logger }

    /// Warns unless that was done a moment ago; the next line then has the number of those that were left out.
    func warn(_ reason: String, peer: String) {
        let unsaid = state.withLock { state -> Int? in
            if let last = state.lastLine, .now - last < Self.interval {
                state.unsaid += 1
                return nil
            }
            defer { state = State(lastLine: .now) }
            return state.unsaid
        }
        guard let unsaid else { return }
        logger.warning(
            "a peer was disconnected",
            metadata: ["reason": "\(reason)", "peer": "\(peer)", "others_before": "\(unsaid)"])
    }
}

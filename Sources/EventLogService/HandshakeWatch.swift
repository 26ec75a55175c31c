internal import Logging
internal import ZeroMQ

/// Looks at whether peers come faster than they are let in, and warns of it, once in a while.
struct HandshakeWatch {
    private static let interval = Duration.seconds(60)

    private let logger: Logger
    private var said: UInt64 = 0
    private var lastLine: ContinuousClock.Instant?

    init(logger: Logger) { self.logger = logger }

    /// Warns if handshakes were not answered in time since the last warning.
    mutating func look(at forgotten: UInt64, at now: ContinuousClock.Instant = .now) {
        guard forgotten > said, lastLine.map({ now - $0 >= Self.interval }) ?? true else { return }
        logger.warning(
            "peers connect faster than they are let in",
            metadata: ["not_answered": "\(forgotten - said)", "in_all": "\(forgotten)"])
        (said, lastLine) = (forgotten, now)
    }
}

internal import EventSourcing
internal import Logging

/// Says when the log is not certain that it leads, and so answers little: one line when that begins and one when it ends.
struct LeaseWatch {
    /// An uncertainty that begins so soon after the last one is not told of anew.
    private static let quietTime = Duration.seconds(60)

    private let logger: Logger
    private var isCertain = true
    private var lastTold: ContinuousClock.Instant?
    private var isTold = false

    init(logger: Logger) { self.logger = logger }

    /// Looks whether it is certain now.
    ///
    /// - Parameter delay: what the store waits for, if it says so.
    mutating func look(isCertain: Bool, delay: String?) {
        guard isCertain != self.isCertain else { return }
        self.isCertain = isCertain
        if isCertain {
            if isTold { logger.info("the log is certain again that it leads") }
            isTold = false
        } else if lastTold.map({ $0 + Self.quietTime < .now }) ?? true {
            lastTold = .now
            isTold = true
            logger.warning(
                "the log is not certain that it leads; reads and refusals are not answered until it is",
                metadata: delay.map { ["reason": "\($0)"] } ?? [:])
        }
    }
}

internal import EventSourcing
internal import Logging

/// Logs when the log is not certain that it leads, and so answers little: one line when that begins and one when it
/// ends.
struct LeaseWatch {
    /// An uncertainty that begins within this time after the last one is not logged again.
    private static let quietTime = Duration.seconds(60)

    private let logger: Logger
    private var isCertain = true
    private var lastWarning: ContinuousClock.Instant?
    private var hasWarned = false

    init(logger: Logger) { self.logger = logger }

    /// Looks whether it is certain now.
    ///
    /// - Parameter delay: what the store waits for, if it says so.
    mutating func look(isCertain: Bool, delay: String?) {
        guard isCertain != self.isCertain else { return }
        self.isCertain = isCertain
        if isCertain {
            if hasWarned { logger.info("the log is certain again that it leads") }
            hasWarned = false
        } else if lastWarning.map({ $0 + Self.quietTime < .now }) ?? true {
            lastWarning = .now
            hasWarned = true
            logger.warning(
                "the log is not certain that it leads; reads and refusals are not answered until it is",
                metadata: delay.map { ["reason": "\($0)"] } ?? [:])
        }
    }
}

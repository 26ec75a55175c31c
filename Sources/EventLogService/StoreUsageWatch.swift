internal import EventSourcing
internal import Logging

/// Looks at how much space the store takes, and warns once if that is unusual.
struct StoreUsageWatch {
    private let logger: Logger
    private var isWarned = false

    init(logger: Logger) { self.logger = logger }

    /// Warns if there is something to warn of and that was not said yet; a new warning needs an end of the old one.
    mutating func look(at usage: StoreUsage) {
        guard let warning = usage.warning else {
            if isWarned { logger.info("the store's space is as usual again", metadata: ["bytes": "\(usage.bytes)"]) }
            isWarned = false
            return
        }
        guard !isWarned else { return }
        isWarned = true
        logger.warning("the store takes much space", metadata: ["reason": "\(warning)"])
    }
}

internal import EventSourcing
internal import Logging

/// Whether the store takes writes now; how often it did not, and what is said about it: one line when it stops and one
/// when it goes on, however much is refused in between.
struct StoreAvailability {
    /// A store that stops again within this time after it went on is not reported again.
    private static let quietTime = Duration.seconds(60)

    /// What is in the way; nil if nothing is.
    private(set) var obstacle: StoreObstacle?
    /// The requests that were refused since the start.
    private(set) var refused: UInt64 = 0

    private let logger: Logger
    private var refusedBefore: UInt64 = 0
    private var lastTold: (kind: StoreObstacle.Kind, time: ContinuousClock.Instant)?
    private var isTold = false

    init(logger: Logger) { self.logger = logger }

    /// An attempt to write met an obstacle.
    mutating func met(_ obstacle: StoreObstacle) {
        defer { self.obstacle = obstacle }
        guard self.obstacle?.kind != obstacle.kind else { return }
        if self.obstacle == nil { refusedBefore = refused }
        if let lastTold, lastTold.kind == obstacle.kind, lastTold.time + Self.quietTime > .now { return }
        lastTold = (obstacle.kind, .now)
        isTold = true
        logger.warning(
            "the store takes no writes; appends are refused until it does", metadata: ["reason": "\(obstacle)"])
    }

    /// A write succeeded.
    mutating func wentOn() {
        guard obstacle != nil else { return }
        obstacle = nil
        guard isTold else { return }
        isTold = false
        logger.info("the store takes writes again", metadata: ["refused": "\(refused - refusedBefore)"])
    }

    /// Requests were refused.
    mutating func refuse(_ count: Int) { refused += UInt64(count) }
}

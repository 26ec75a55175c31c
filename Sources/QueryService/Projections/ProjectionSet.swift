internal import EventLogProtocol
internal import EventSourcing
internal import Logging

/// The projections of a query service: each takes in the whole log, and one that stops leaves the others as they are.
final class ProjectionSet: LogConsumer {
    let projections: [any HostedProjection]
    private let logger: Logger

    init(_ projections: [any HostedProjection], logger: Logger) {
        self.projections = projections
        self.logger = logger
    }

    /// Where to begin following the log: after the oldest of the checkpoints in the folder; nil: without checkpoints.
    func begin(loadingFrom folder: String?, key: CheckpointKey? = nil) -> LogCheckpoint {
        let loaded = projections.map { projection in folder.flatMap { projection.load(from: $0, key: key) } }
        // Without a checkpoint of its own, only what holds a window of the log can begin anywhere else.
        let needed = zip(projections, loaded).filter { !$0.0.isWindow }.map { $0.1 ?? .beginning }
        let start = needed.min { $0.position < $1.position } ?? .beginning
        let areOfOneLog = Set(needed.compactMap(\.logID)).count <= 1
        for (projection, checkpoint) in zip(projections, loaded) {
            projection.begin(after: areOfOneLog ? checkpoint ?? start : .beginning)
        }
        return areOfOneLog ? start : .beginning
    }

    func consume(_ records: [RecordedEvent], head: UInt64) {
        for projection in projections { projection.consume(records, head: head) }
    }

    func followed(isLive: Bool, at checkpoint: LogCheckpoint, head: UInt64) {
        for projection in projections { projection.followed(isLive: isLive, at: checkpoint, head: head) }
    }

    func diverged(_ divergence: LogDivergence) -> LogCheckpoint {
        logger.error(
            "the log is not the one that was projected: projecting it anew", metadata: ["reason": "\(divergence)"])
        for projection in projections { projection.restart() }
        return .beginning
    }
}

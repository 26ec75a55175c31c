internal import EventLogProtocol
internal import EventSourcing

/// A projection as the query service drives it, whatever it holds. All calls come from the follower's thread, but for
/// ``status`` and ``save(to:key:after:)``.
protocol HostedProjection: AnyObject, Sendable {
    var name: String { get }
    var status: ProjectionStatus { get }

    /// What the projection leaves out.
    var leftOut: LeftOut { get }

    /// Whether it may begin at any position, since it holds only what is newest.
    var isWindow: Bool { get }

    /// Reads its checkpoint from a folder; nil where there is none that can be used.
    ///
    /// - Parameter key: what it must have been written with; nil: anything.
    func load(from folder: String, key: CheckpointKey?) -> LogCheckpoint?

    /// Writes its checkpoint to a folder, where so many records have come since it last did.
    func save(to folder: String, key: CheckpointKey?, after records: UInt64)

    /// Begins after a checkpoint: where it loaded none, with nothing.
    func begin(after checkpoint: LogCheckpoint)

    func consume(_ records: [RecordedEvent], head: UInt64)
    func followed(isLive: Bool, at checkpoint: LogCheckpoint, head: UInt64)

    /// Begins again from nothing, since what was projected is not a part of the log.
    func restart()
}

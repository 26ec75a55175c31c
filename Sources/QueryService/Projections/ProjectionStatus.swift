public import EventSourcing

/// How a projection stands to the log.
public struct ProjectionStatus: Hashable, Sendable {
    /// The position that it reflects.
    public internal(set) var position: UInt64 = 0
    /// The highest position that is known to be recorded.
    public internal(set) var head: UInt64 = 0
    /// Whether it follows the log without a lag.
    public internal(set) var isLive = false
    /// Whether it has reached the log's head once, so that it may answer.
    public internal(set) var hasCaughtUp = false
    /// The record that it could not apply, where it met one: it stopped before it.
    public internal(set) var failure: RevisionError?
    /// Grows each time the projection begins anew, since what it projected is not a part of the log any more.
    public internal(set) var generation: UInt64 = 0
    /// How far a rebuild under way has come; nil where there is none.
    public internal(set) var rebuiltPosition: UInt64?
}

/// What the event-log service counted since it started.
public struct LogCounters: Hashable, Sendable {
    /// Flushes of the store: batches that recorded something or looked a key up.
    public var batches: UInt64 = 0
    /// Append requests in those batches.
    public var requests: UInt64 = 0
    /// Events recorded.
    public var events: UInt64 = 0
    /// Appends refused because a stream was at another version.
    public var conflicts: UInt64 = 0
    /// Frames that did not follow the grammar, and were ignored.
    public var malformed: UInt64 = 0
    /// Replies that could not be sent: their requester was gone or does not read.
    public var undeliverable: UInt64 = 0
    /// Requests dropped undone: their requester was gone, or had too much on its way already.
    public var dropped: UInt64 = 0
    /// Reads refused because too many waited.
    public var overloaded: UInt64 = 0
    /// Subscriptions refused, and their connection with them.
    public var refusedSubscriptions: UInt64 = 0
    /// Subscriptions heard of.
    public var subscriptions: UInt64 = 0
    /// Reads answered.
    public var reads: UInt64 = 0
    /// Requests refused because the store took no writes.
    public var refused: UInt64 = 0
    /// Requests refused because their peer's key was revoked, or its role does not allow them.
    public var forbidden: UInt64 = 0
    /// Snapshots kept.
    public var snapshots: UInt64 = 0
}

/// What the connections of a guarded socket may take; one that exceeds a limit is ended.
///
/// libzmq's own limits count whole messages of one connection. It reads the frames of a message that never ends without
/// any limit.
public struct ConnectionLimits: Hashable, Sendable {
    /// Connections at the same time; further ones are ended as soon as they are accepted.
    public var maxConnections = 512

    /// Bytes that came over one connection and were not taken by the socket's owner: whole messages that wait, and
    /// the message that is not complete.
    public var maxWaitingBytes: UInt64?

    /// The same for all connections together; beyond it those with the most are ended.
    public var maxWaitingBytesInAll: UInt64?

    /// Bytes of a message that is not complete. It is noticed when the owner has taken all that is.
    public var maxUnfinishedBytes: UInt64?

    /// What may come over one connection at once, and in a second after that, whatever became of it.
    public var allowance: (atOnce: Int, perSecond: Int)?

    /// A limit to the number of connections, and none else.
    public init() {}

    /// Whether all limits agree.
    public static func == (left: ConnectionLimits, right: ConnectionLimits) -> Bool { left.values == right.values }

    /// Hashes all limits.
    public func hash(into hasher: inout Hasher) { hasher.combine(values) }

    private var values: [UInt64?] {
        [
            UInt64(clamping: maxConnections), maxWaitingBytes, maxWaitingBytesInAll, maxUnfinishedBytes,
            allowance.map { UInt64(clamping: $0.atOnce) }, allowance.map { UInt64(clamping: $0.perSecond) },
        ]
    }
}

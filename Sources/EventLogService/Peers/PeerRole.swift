/// What a peer of the log may do.
public enum PeerRole: String, Hashable, Sendable, CaseIterable {
    /// Follow the log and read it.
    case read
    /// Append to it, too, and keep snapshots: gateways.
    case append
    /// Whatever an operator's tools need: to append and read, but not to keep or drop snapshots.
    case operate

    /// Whether a peer with the role may use a socket of the log.
    public func mayUse(_ socket: LogSocket) -> Bool {
        switch socket {
        case .events, .read: true
        case .append: self != .read
        }
    }

    /// Whether it may keep and drop snapshots, which others believe.
    var mayKeepSnapshots: Bool { self == .append }
}

/// A socket of the log.
public enum LogSocket: String, Hashable, Sendable, CaseIterable {
    /// Takes appends and snapshots.
    case append
    /// Publishes events.
    case events
    /// Answers reads.
    case read

    /// The domain that its peers are admitted to.
    public var domain: String { "event-log/\(rawValue)" }
}

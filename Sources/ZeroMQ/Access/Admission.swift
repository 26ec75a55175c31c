/// Who may connect to the sockets of a domain, and how fast.
///
/// The domain is a socket's ``SocketOptions/domain``; a ``Context`` keeps one admission for each.
public struct Admission: Hashable, Sendable {
    /// Handshakes that may be completed in a second, by all peers together; nil: no limit. Peers beyond it wait.
    public var maxHandshakesPerSecond: Int?

    /// Handshakes that may come at once before ``maxHandshakesPerSecond`` slows them down.
    public var maxHandshakesAtOnce = 256

    /// Admits every peer that speaks ZMTP 3 with the mechanism NULL, without a limit.
    public init() {}

    /// Decides about a peer by the mechanism that it used.
    func decide(_ request: HandshakeRequest) -> Verdict {
        request.mechanism == "NULL" ? .admitted(user: "") : .refused
    }

    /// What becomes of a handshake.
    enum Verdict: Hashable, Sendable {
        /// The peer may go on; libzmq attaches the user's name to each of its messages.
        case admitted(user: String)
        /// The peer is told that it may not, and its connection ends.
        case refused
    }
}

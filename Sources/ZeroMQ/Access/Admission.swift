/// Who may connect to the sockets of a domain, and how fast.
///
/// The domain is a socket's ``SocketOptions/domain``; a ``Context`` keeps one admission for each.
public struct Admission: Hashable, Sendable {
    /// Whom a domain lets in.
    public enum Peers: Hashable, Sendable {
        /// Whoever speaks ZMTP 3 with the mechanism NULL.
        case anybody
        /// Those that prove, by CURVE, to hold the secret halves of these keys.
        case holders(of: Set<CurvePublicKey>)
    }

    /// Whom it lets in.
    public var peers: Peers

    /// Handshakes that may be completed in a second, by all peers together; nil: no limit. Peers beyond it wait.
    public var maxHandshakesPerSecond: Int?

    /// Handshakes that may come at once before ``maxHandshakesPerSecond`` slows them down.
    public var maxHandshakesAtOnce = 256

    /// Handshakes that the holder of one key may complete at once, and in a second after that; nil: no limit. Those beyond
    /// it fail, and may be tried again: they cost the others nothing.
    public var handshakesOfPeer: HandshakeRate?

    /// How fast handshakes may come.
    public struct HandshakeRate: Hashable, Sendable {
        /// The most at once.
        public var atOnce: Int
        /// The most in a second after that.
        public var perSecond: Int

        /// A rate from its numbers.
        public init(atOnce: Int, perSecond: Int) {
            self.atOnce = atOnce
            self.perSecond = perSecond
        }
    }

    /// Admits peers without a limit to how fast they come.
    public init(_ peers: Peers = .anybody) { self.peers = peers }

    /// Decides about a peer by the mechanism that it used and the key that it proved to hold.
    func decide(_ request: HandshakeRequest) -> Verdict {
        switch peers {
        case .anybody:
            return request.mechanism == "NULL" ? .admitted(user: "") : .refused
        case .holders(let keys):
            guard let key = request.key, keys.contains(key) else { return .refused }
            return .admitted(user: key.description)
        }
    }

    /// What becomes of a handshake.
    enum Verdict: Hashable, Sendable {
        /// The peer may go on; libzmq attaches the user's name to each of its messages: the text of its key, if it has one.
        case admitted(user: String)
        /// The peer is told that it may not, and its connection ends.
        case refused
        /// Its connection ends without a word, and it may try again.
        case busy
    }
}

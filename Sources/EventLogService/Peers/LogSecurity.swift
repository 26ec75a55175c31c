public import ZeroMQ

/// What a log needs to know its peers: its own key, which they know, and theirs.
public struct LogSecurity: Sendable {
    /// The log's key.
    public let secretKey: CurveSecretKey
    /// Its peers.
    public let peers: PeerDirectory

    /// The security of a log.
    public init(secretKey: CurveSecretKey, peers: PeerDirectory) {
        self.secretKey = secretKey
        self.peers = peers
    }
}

extension LogSecurity? {
    /// How the log's sockets know their peers.
    var ofSockets: SocketSecurity { map { .curveServer($0.secretKey) } ?? .none }
}

internal import CZeroMQ

/// How a socket and its peers prove who they are, and whether what they say is encrypted.
public enum SocketSecurity: Hashable, Sendable {
    /// Not at all (mechanism NULL): for sockets that only this machine can reach.
    case none
    /// By CURVE, as the side with the key that the other knows beforehand. Peers are admitted by their own keys
    /// (``Admission``).
    case curveServer(CurveSecretKey)
    /// By CURVE, as the side that knows the other's key.
    case curveClient(CurveSecretKey, server: CurvePublicKey)

    /// What CURVE adds to each frame on the wire: the name `MESSAGE`, a nonce, flags and an authenticator (RFC 26).
    static let curveOverhead = 33

    /// What each frame has on the wire beside its bytes and its head.
    var overhead: Int { self == .none ? 0 : Self.curveOverhead }

    func apply(to core: SocketCore) throws(ZeroMQError) {
        switch self {
        case .none:
            break
        case .curveServer(let secret):
            try core.set(ZMQ_CURVE_SERVER, 1)
            try core.set(ZMQ_CURVE_SECRETKEY, secret)
        case .curveClient(let secret, let server):
            try core.set(ZMQ_CURVE_SERVERKEY, text: server.description)
            try core.set(ZMQ_CURVE_PUBLICKEY, text: secret.publicKey.description)
            try core.set(ZMQ_CURVE_SECRETKEY, secret)
        }
    }
}

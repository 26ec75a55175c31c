internal import ServiceSupport
internal import ZeroMQ

/// What peers may take of the event log, at each of its sockets. The specification tells them (section 10).
enum PeerLimits {
    /// The bytes of one message to the append socket, and about those of one flush.
    static let maxAppendBytes = 8 << 20
    /// The bytes of replies on their way to all peers of the append socket. Less than for reads: nearly all are short.
    static let maxAppendReplyBytes = 32 << 20
    /// The bytes of replies on their way to all peers of the read socket.
    static let maxReadReplyBytes = 64 << 20
    /// The bytes of one message to the read socket.
    static let maxReadBytes = 256 << 10

    /// How long a peer that is not admitted any more may take to read that it is not.
    static let farewell = Duration.milliseconds(500)

    /// The connections of one socket: as many as ``ConnectionLimits`` says, or as the process has descriptors for.
    private static let basic: ZeroMQ.ConnectionLimits = {
        var limits = ZeroMQ.ConnectionLimits()
        limits.maxConnections = min(limits.maxConnections, DescriptorLimit.logPeers(of: DescriptorLimit.current))
        return limits
    }()

    /// The connections of one peer to one socket, if peers are told apart.
    static let maxConnectionsOfPeer = max(2, basic.maxConnections / 4)

    static let append: ZeroMQ.ConnectionLimits = {
        var limits = basic
        limits.maxWaitingBytes = 32 << 20
        limits.maxWaitingBytesInAll = 64 << 20
        // The largest message, and what the system may have received beyond it that libzmq has not read.
        limits.maxUnfinishedBytes = 2 * UInt64(maxAppendBytes)
        return limits
    }()

    static let read: ZeroMQ.ConnectionLimits = {
        var limits = basic
        limits.maxWaitingBytes = 4 << 20
        limits.maxWaitingBytesInAll = 16 << 20
        return limits
    }()

    /// - Parameter isEncrypted: whether each frame has more on the wire (CURVE).
    static func events(isEncrypted: Bool) -> ZeroMQ.ConnectionLimits {
        var limits = basic
        // As many of the longest topics as one connection may have, each with what the wire adds to it, fit.
        limits.allowance = (atOnce: isEncrypted ? 80 << 10 : 64 << 10, perSecond: 1 << 10)
        return limits
    }

    /// Peers that connect again and again cost the others no more than this.
    static func admission(_ peers: Admission.Peers) -> Admission {
        var admission = Admission(peers)
        admission.maxHandshakesPerSecond = 200
        admission.maxHandshakesAtOnce = 512
        admission.handshakesOfPeer = Admission.HandshakeRate(atOnce: 128, perSecond: 20)
        return admission
    }
}

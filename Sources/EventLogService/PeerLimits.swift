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

    static let append: ConnectionLimits = {
        var limits = ConnectionLimits()
        limits.maxWaitingBytes = 32 << 20
        limits.maxWaitingBytesInAll = 64 << 20
        // The largest message, and what the system may have received beyond it that libzmq has not read.
        limits.maxUnfinishedBytes = 2 * UInt64(maxAppendBytes)
        return limits
    }()

    static let read: ConnectionLimits = {
        var limits = ConnectionLimits()
        limits.maxWaitingBytes = 4 << 20
        limits.maxWaitingBytesInAll = 16 << 20
        return limits
    }()

    static let events: ConnectionLimits = {
        var limits = ConnectionLimits()
        // As many of the longest topics as one connection may have, each with at most 20 bytes about it, fit.
        limits.allowance = (atOnce: 64 << 10, perSecond: 1 << 10)
        return limits
    }()

    /// Peers that connect again and again cost the others no more than this.
    static let admission: Admission = {
        var admission = Admission()
        admission.maxHandshakesPerSecond = 200
        admission.maxHandshakesAtOnce = 512
        return admission
    }()
}

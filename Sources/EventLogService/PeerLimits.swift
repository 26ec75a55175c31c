internal import ZeroMQ

/// What peers may take of the event log, at each of its sockets. The specification tells them (section 10).
enum PeerLimits {
    /// The bytes of one message to the append socket, and about those of one flush.
    static let maxAppendBytes = 8 << 20
    /// The bytes of one message to the read socket.
    static let maxReadBytes = 256 << 10

    static let append: ConnectionLimits = {
        var limits = ConnectionLimits()
        limits.maxWaitingBytes = 32 << 20
        limits.maxWaitingBytesInAll = 64 << 20
        limits.maxUnfinishedBytes = UInt64(maxAppendBytes) + (1 << 20)
        return limits
    }()

    static let read: ConnectionLimits = {
        var limits = ConnectionLimits()
        limits.maxWaitingBytes = 4 << 20
        limits.maxWaitingBytesInAll = 16 << 20
        limits.maxUnfinishedBytes = 2 * UInt64(maxReadBytes)
        return limits
    }()

    static let events: ConnectionLimits = {
        var limits = ConnectionLimits()
        limits.allowance = (atOnce: 64 << 10, perSecond: 2 << 10)
        return limits
    }()

    /// A peer that connects again and again costs the others no more than this.
    static let admission: Admission = {
        var admission = Admission()
        admission.maxHandshakesPerSecond = 200
        admission.maxHandshakesAtOnce = 512
        return admission
    }()
}

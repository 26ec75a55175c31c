/// What of a connection's bytes waits for the socket's owner, from what was received and what was taken.
///
/// Some of what TCP receives never reaches the owner: the handshake, heartbeats of ZMTP and other commands. So what is left
/// when the owner has taken everything, and stays the same, is forgiven after a while. It may also be a message that is
/// not complete; so no more is forgiven in a second than a peer's heartbeats can be.
struct WaitingBytes {
    /// How much is forgiven at once, and in a second.
    static let forgiven = (atOnce: 16 << 10, perSecond: 128)

    private let takenBefore: UInt64
    private var allowance = TokenBucket(capacity: forgiven.atOnce, perSecond: forgiven.perSecond)
    private var forgiven: UInt64 = 0
    private var drains: UInt64 = 0
    /// As TCP counts them.
    private(set) var received: UInt64 = 0
    /// What was taken of them.
    private(set) var taken: UInt64 = 0
    /// What waits, whole messages or not.
    private(set) var count: UInt64 = 0
    /// What of it belongs to a message that is not complete, as far as that is known.
    private(set) var unfinished: UInt64 = 0

    /// - Parameter takenBefore: what had been taken over the descriptor by earlier connections.
    init(takenBefore: UInt64) { self.takenBefore = takenBefore }

    /// Whether whole messages were taken, seen from a count of the descriptor.
    func hasTaken(_ count: UInt64) -> Bool { count != takenBefore }

    /// Looks again.
    ///
    /// - Parameters:
    ///   - received: the bytes that TCP has received.
    ///   - taken: those that were taken over the descriptor.
    ///   - drains: how often the owner found that no whole message waits; to be read before `taken`.
    mutating func update(received: UInt64, taken: UInt64, drains: UInt64, at now: ContinuousClock.Instant) {
        let taken = taken &- takenBefore
        let known = min(received, taken)
        // All that was forgiven and is taken after all was not to be forgiven.
        forgiven = min(forgiven, received - known)
        let rest = received - known - forgiven
        let isDrained = drains > self.drains
        // What waited at the last look, and was not taken although all whole messages were since, is not complete.
        unfinished = isDrained && taken == self.taken ? min(count, rest) : 0
        count = rest
        if isDrained, rest > 0, received == self.received, taken == self.taken {
            let most = min(rest, UInt64(Self.forgiven.perSecond))
            if allowance.take(most, at: now) {
                forgiven += most
                count -= most
                unfinished = min(unfinished, count)
            }
        }
        self.received = received
        self.taken = taken
        self.drains = drains
    }
}

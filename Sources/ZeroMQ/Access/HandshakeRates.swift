/// How fast the holders of keys shake hands, each by itself, so that one that does so without end slows nobody else down.
struct HandshakeRates {
    /// More keys than are known at the same time are forgotten, which only gives them their first handshakes again.
    private static let maxKeys = 16_384

    private struct Peer: Hashable {
        let domain: String
        let key: CurvePublicKey
    }

    private var buckets: [Peer: TokenBucket] = [:]
    /// Handshakes that came too fast.
    private(set) var refused: UInt64 = 0

    /// What becomes of a handshake that may go on but for its rate.
    mutating func limit(
        _ verdict: Admission.Verdict, of request: HandshakeRequest, _ admission: Admission,
        at now: ContinuousClock.Instant
    ) -> Admission.Verdict {
        guard case .admitted = verdict, let rate = admission.handshakesOfPeer, let key = request.key else {
            return verdict
        }
        let peer = Peer(domain: request.domain, key: key)
        if buckets.count >= Self.maxKeys, buckets[peer] == nil { buckets = [:] }
        let full = TokenBucket(capacity: rate.atOnce, perSecond: rate.perSecond)
        guard buckets[peer, default: full].take(at: now) else {
            refused += 1
            return .busy
        }
        return verdict
    }
}

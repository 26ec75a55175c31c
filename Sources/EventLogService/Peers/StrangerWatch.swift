internal import Access
internal import Logging
internal import Synchronization
internal import ZeroMQ

/// Counts and records the peers that are refused, and warns of them once in a while.
final class StrangerWatch: Sendable {
    private static let interval = Duration.seconds(10)

    private let audit: AuditLog?
    private let logger: Logger
    private let total = Atomic<UInt64>(0)
    private let lastLine = Mutex<ContinuousClock.Instant?>(nil)

    init(audit: AuditLog?, logger: Logger) {
        self.audit = audit
        self.logger = logger
    }

    /// How many handshakes were refused.
    var count: UInt64 { total.load(ordering: .relaxed) }

    /// A peer was refused in its handshake.
    func refused(_ peer: RefusedPeer) {
        let count = total.add(1, ordering: .relaxed).newValue
        let key = peer.key?.description ?? "none"
        audit?.record(
            AuditRecord(.peerRefused, address: peer.address, reason: "the key \(key) is not admitted to \(peer.domain)")
        )
        guard isDue() else { return }
        logger.warning(
            "a peer was refused",
            metadata: [
                "domain": "\(peer.domain)", "address": "\(peer.address)", "key": "\(key)", "in_all": "\(count)",
            ])
    }

    /// A peer that is connected may not do what it asks for.
    func refused(_ key: CurvePublicKey?, _ peer: LogPeer?, reason: String) {
        let key = key?.description ?? "none"
        audit?.record(AuditRecord(.peerRefused, actor: peer?.name, reason: "the key \(key): \(reason)"))
        guard isDue() else { return }
        logger.warning(
            "a peer's request was refused",
            metadata: ["peer": "\(peer?.name ?? "unknown")", "key": "\(key)", "reason": "\(reason)"])
    }

    private func isDue() -> Bool {
        lastLine.withLock { last in
            if let last, .now - last < Self.interval { return false }
            last = .now
            return true
        }
    }
}

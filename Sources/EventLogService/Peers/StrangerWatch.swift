internal import Logging
internal import Synchronization
internal import ZeroMQ

/// Counts the peers that were refused in their handshakes, and warns of it once in a while.
final class StrangerWatch: Sendable {
    private static let interval = Duration.seconds(10)

    private let logger: Logger
    private let total = Atomic<UInt64>(0)
    private let lastLine = Mutex<ContinuousClock.Instant?>(nil)

    init(_ logger: Logger) { self.logger = logger }

    /// How many there were.
    var count: UInt64 { total.load(ordering: .relaxed) }

    func refused(_ peer: RefusedPeer) {
        let count = total.add(1, ordering: .relaxed).newValue
        let isDue = lastLine.withLock { last in
            if let last, .now - last < Self.interval { return false }
            last = .now
            return true
        }
        guard isDue else { return }
        logger.warning(
            "a peer was refused",
            metadata: [
                "domain": "\(peer.domain)", "address": "\(peer.address)",
                "key": "\(peer.key?.description ?? "none")", "in_all": "\(count)",
            ])
    }
}

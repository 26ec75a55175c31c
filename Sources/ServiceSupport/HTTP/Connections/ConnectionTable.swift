internal import NIOCore
internal import Synchronization

/// All connections of a server: how many there are, and of whom.
final class ConnectionTable: Sendable {
    let limits: ConnectionLimits
    private let admitted: AddressLimit
    private let healthOnly = Atomic<Int>(0)
    private let refused = Atomic<UInt64>(0)
    private let cut = Atomic<UInt64>(0)
    private let failedHandshakes = Atomic<UInt64>(0)
    private let revoked = Atomic<UInt64>(0)
    private let loops = Mutex<[ObjectIdentifier: NIOLoopBoundBox<LoopConnections>]>([:])

    init(_ limits: ConnectionLimits) {
        self.limits = limits
        admitted = AddressLimit(limits.connections, perAddress: limits.connectionsPerAddress)
    }

    /// The connections of an event loop, on which this is called.
    func connections(of eventLoop: any EventLoop) -> LoopConnections {
        loops.withLock { loops in
            let key = ObjectIdentifier(eventLoop)
            if let box = loops[key] { return box.value }
            let box = NIOLoopBoundBox(LoopConnections(of: self, on: eventLoop), eventLoop: eventLoop)
            loops[key] = box
            return box.value
        }
    }

    var loopCount: Int { loops.withLock { max(1, $0.count) } }

    // MARK: counting

    func reached(adding address: ClientAddress) -> AddressLimit.Reached? { admitted.reached(adding: address) }

    func remove(_ address: ClientAddress) { admitted.remove(address) }

    /// - Returns: how many connections for health there are now.
    func addHealthOnly() -> Int { healthOnly.add(1, ordering: .relaxed).newValue }

    func removeHealthOnly() { healthOnly.subtract(1, ordering: .relaxed) }

    func countRefused() { refused.add(1, ordering: .relaxed) }

    func countCut() { cut.add(1, ordering: .relaxed) }

    func countFailedHandshake() { failedHandshakes.add(1, ordering: .relaxed) }

    func countRevoked() { revoked.add(1, ordering: .relaxed) }

    var figures: [Figure] {
        [
            Figure(
                .gauge, "http_connections",
                UInt64(clamping: admitted.count + healthOnly.load(ordering: .relaxed)), help: "HTTP clients connected."),
            Figure(
                .counter, "http_connections_refused", refused.load(ordering: .relaxed),
                help: "Connections beyond the limit, which might only ask for health."),
            Figure(
                .counter, "http_connections_cut", cut.load(ordering: .relaxed),
                help: "Connections closed because their client was too slow, or for others."),
            Figure(
                .counter, "http_handshakes_failed", failedHandshakes.load(ordering: .relaxed),
                help: "Connections whose handshake of TLS failed."),
            Figure(
                .counter, "http_connections_revoked", revoked.load(ordering: .relaxed),
                help: "Connections closed because what their client proved itself by holds no more."),
        ]
    }
}

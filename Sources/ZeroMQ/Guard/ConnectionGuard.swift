internal import CZeroMQ
internal import Synchronization

/// Ends the connections of guarded sockets that exceed their limits.
///
/// libzmq 4.3.4 has no way to end one connection, and does not say how much it holds of it. So the guard asks the system:
/// it compares what TCP received with what the sockets' owners took, and shuts a connection down beneath libzmq. It has a
/// thread of its own, so that a flood that keeps an owner busy inside libzmq ends too.
public actor ConnectionGuard {
    /// Why a connection was ended.
    public enum Reason: String, Hashable, Sendable, CaseIterable {
        /// More connections than the limit.
        case tooManyConnections = "too many connections"
        /// More waits than the limit, or a message does not end.
        case tooMuchWaiting = "too many bytes wait, or a message does not end"
        /// It sends more than such a socket has to say.
        case tooMuchSent = "it sends too much"
        /// The socket's owner asked for it.
        case refused = "refused"
    }

    private struct Key: Hashable {
        let socket: Int
        let descriptor: Int32
    }

    private struct Connection {
        let system: SystemConnection
        /// What had been taken over the descriptor by earlier connections.
        let takenBefore: UInt64
        var received: UInt64 = 0
        var allowance: TokenBucket?
        var isEnded = false
        /// As it was at the last check.
        var waiting: UInt64 = 0
        var took: UInt64 = 0
        var drains: UInt64 = 0
    }

    private struct Watched {
        let monitor: SocketCore
        let limits: ConnectionLimits
        let taken: TakenBytes
    }

    private static let interval = Duration.milliseconds(20)

    private nonisolated let loop: SocketLoop
    private nonisolated let report: @Sendable (Reason, _ peer: String) -> Void
    private var watched: [Int: Watched] = [:]
    private var connections: [Key: Connection] = [:]
    private var isCheckScheduled = false
    private nonisolated let ended = Mutex<[Reason: UInt64]>([:])
    private nonisolated let sockets = Atomic<Int>(0)

    /// The guard lives on its loop's thread.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// A guard with a loop of its own, to be closed after those of the sockets that it guards.
    ///
    /// - Parameter report: called on the loop's thread for each connection that is ended.
    public init(on loop: SocketLoop, report: @escaping @Sendable (Reason, _ peer: String) -> Void = { _, _ in }) {
        self.loop = loop
        self.report = report
    }

    /// How many connections were ended, for whichever reason.
    public nonisolated var endedConnections: [Reason: UInt64] { ended.withLock { $0 } }

    /// Ends a connection that a message came over (``Frames/connection``), from whichever thread.
    public nonisolated func end(_ descriptor: Int32) {
        loop.perform { self.assumeIsolated { $0.refuse(descriptor) } }
    }

    /// Watches the connections of a socket by its monitor.
    ///
    /// - Returns: what is to be called, on any thread, when the socket has ended its reports.
    nonisolated func watch(
        _ monitor: SocketCore, _ limits: ConnectionLimits, _ taken: TakenBytes
    ) -> () -> Void {
        let socket = sockets.add(1, ordering: .relaxed).newValue
        loop.perform {
            self.assumeIsolated { $0.begin(Watched(monitor: monitor, limits: limits, taken: taken), as: socket) }
        }
        return { [self] in loop.perform { self.assumeIsolated { $0.forget(socket) } } }
    }

    private func begin(_ new: Watched, as socket: Int) {
        watched[socket] = new
        ConnectionMonitor.read(new.monitor) { [weak self] event, value in
            self?.assumeIsolated { $0.changed(event, Key(socket: socket, descriptor: value)) }
        }
        loop.register(new.monitor)
    }

    private func forget(_ socket: Int) {
        connections = connections.filter { $0.key.socket != socket }
        if let old = watched.removeValue(forKey: socket) { loop.dispose(old.monitor) }
    }

    private func changed(_ event: Int32, _ key: Key) {
        // Either way, what had this descriptor before is gone.
        connections[key] = nil
        guard let watched = watched[key.socket] else { return }
        watched.taken.noteChange(of: key.descriptor)
        guard event == ZMQ_EVENT_ACCEPTED else { return }
        let limits = watched.limits
        guard let system = SystemConnection(key.descriptor) else { return }
        connections[key] = Connection(
            system: system, takenBefore: watched.taken.count(of: key.descriptor),
            allowance: limits.allowance.map { TokenBucket(capacity: $0.atOnce, perSecond: $0.perSecond) })
        let isOneTooMany = connections.keys.count { $0.socket == key.socket } > limits.maxConnections
        if isOneTooMany || key.descriptor >= TakenBytes.capacity { end(key, .tooManyConnections) }
        scheduleCheck()
    }

    private func refuse(_ descriptor: Int32) {
        for key in connections.keys where key.descriptor == descriptor { end(key, .refused) }
    }

    private func end(_ key: Key, _ reason: Reason) {
        guard let connection = connections[key], !connection.isEnded else { return }
        connections[key]?.isEnded = true
        ended.withLock { $0[reason, default: 0] += 1 }
        report(reason, connection.system.peer)
        connection.system.end()
    }

    private func scheduleCheck() {
        guard !isCheckScheduled, !connections.isEmpty else { return }
        isCheckScheduled = true
        loop.schedule(after: Self.interval) { [weak self] in self?.assumeIsolated { $0.check() } }
    }

    private func check() {
        isCheckScheduled = false
        for (socket, watched) in watched { check(socket, watched.limits, watched.taken) }
        scheduleCheck()
    }

    private func check(_ socket: Int, _ limits: ConnectionLimits, _ taken: TakenBytes) {
        var waiting: [(key: Key, bytes: UInt64)] = []
        var inAll: UInt64 = 0
        let now = ContinuousClock.now
        let drains = taken.drains
        for (key, connection) in connections where key.socket == socket && !connection.isEnded {
            guard let received = connection.system.receivedBytes else { continue }
            let new = received >= connection.received ? received - connection.received : 0
            connections[key]?.received = received
            if connection.allowance != nil, connections[key]?.allowance?.take(new, at: now) == false {
                end(key, .tooMuchSent)
                continue
            }
            guard let limit = limits.maxWaitingBytes else { continue }
            let took = taken.count(of: key.descriptor) &- connection.takenBefore
            let rest = received > took ? received - took : 0
            // What waited at the last check, and was not taken although all whole messages were since, is not complete.
            let isUnfinished = took == connection.took && drains >= connection.drains &+ 2
            let unfinished = isUnfinished ? min(connection.waiting, rest) : 0
            connections[key]?.waiting = rest
            connections[key]?.took = took
            connections[key]?.drains = drains
            guard rest <= limit, unfinished <= limits.maxUnfinishedBytes ?? limit else {
                end(key, .tooMuchWaiting)
                continue
            }
            inAll += rest
            if rest > 0 { waiting.append((key, rest)) }
        }
        guard let limit = limits.maxWaitingBytesInAll, inAll > limit else { return }
        for (key, bytes) in waiting.sorted(by: { $0.bytes > $1.bytes }) where inAll > limit {
            end(key, .tooMuchWaiting)
            inAll -= bytes
        }
    }
}

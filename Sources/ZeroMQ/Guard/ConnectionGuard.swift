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
        /// More connections of one peer than the limit.
        case tooManyOfPeer = "too many connections of one peer"
        /// More waits than the limit, or a message does not end.
        case tooMuchWaiting = "too many bytes wait, or a message does not end"
        /// It sends more than such a socket has to say.
        case tooMuchSent = "it sends too much"
        /// It subscribes to what no event can be, to too much, or sends what is no subscription.
        case subscriptionRefused = "its subscriptions are refused"
        /// It leaves its replies unread.
        case tooMuchUnread = "it does not read its replies"
        /// Its key was revoked, or its role does not reach the socket any more.
        case notAdmitted = "it is not admitted any more"
    }

    private struct Key: Hashable {
        let socket: Int
        let descriptor: Int32
    }

    /// A class, so that a check changes it in place.
    private final class Connection {
        let system: SystemConnection
        /// They are numbered as they are accepted.
        let number: UInt64
        /// As it was at the last check.
        var waiting: WaitingBytes
        var received: UInt64 = 0
        var allowance: TokenBucket?
        var isEnded = false

        init(
            _ system: SystemConnection, number: UInt64, takenBefore: UInt64, allowance: TokenBucket?
        ) {
            self.system = system
            self.number = number
            waiting = WaitingBytes(takenBefore: takenBefore)
            self.allowance = allowance
        }
    }

    private struct Watched {
        let monitor: SocketCore
        let limits: ConnectionLimits
        let taken: TakenBytes
        let owner: SocketLoop
        /// What connections that have ended left behind, until the owner has taken all whole messages.
        var leftBehind: UInt64 = 0
        /// As it was at the last check.
        var drains: UInt64 = 0
    }

    /// How often it looks: at first and while something comes; up to the longest if nothing does.
    private static let interval = Duration.milliseconds(20)
    private static let longestInterval = Duration.milliseconds(160)
    /// No limit is as small as this.
    private static let maxUnseen: UInt64 = 64 << 10

    private nonisolated let loop: SocketLoop
    private nonisolated let report: @Sendable (Reason, _ peer: String) -> Void
    private var watched: [Int: Watched] = [:]
    private var connections: [Key: Connection] = [:]
    /// Connections that are to be ended and that libzmq has not reported yet: their messages may come first.
    private var endsToCome: [Key: (system: SystemConnection, reason: Reason)] = [:]
    private var accepted: UInt64 = 0
    private var interval = ConnectionGuard.interval
    /// The check that is to come; none that was scheduled before it counts.
    private var checks: UInt64 = 0
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

    /// Ends a connection of a socket, from whichever thread, unless its descriptor has another one by then.
    nonisolated func end(_ connection: ConnectionID, of socket: TakenBytes, _ reason: Reason) {
        loop.perform { self.assumeIsolated { $0.endNow(connection, of: socket, reason) } }
    }

    /// Watches the connections of a socket by its monitor.
    ///
    /// - Returns: what is to be called, on any thread, when the socket has ended its reports.
    nonisolated func watch(
        _ monitor: SocketCore, _ limits: ConnectionLimits, _ taken: TakenBytes, of owner: SocketLoop
    ) -> () -> Void {
        let socket = sockets.add(1, ordering: .relaxed).newValue
        loop.perform {
            self.assumeIsolated {
                $0.begin(Watched(monitor: monitor, limits: limits, taken: taken, owner: owner), as: socket)
            }
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
        endsToCome = endsToCome.filter { $0.key.socket != socket }
        if let old = watched.removeValue(forKey: socket) { loop.dispose(old.monitor) }
    }

    private func changed(_ event: Int32, _ key: Key) {
        // Either way, what had this descriptor before is gone.
        if let old = connections.removeValue(forKey: key) { watched[key.socket]?.leftBehind &+= old.waiting.count }
        let system = SystemConnection(key.descriptor)
        // The end of the one before is no reason to forget it.
        if endsToCome[key]?.system != system { endsToCome[key] = nil }
        guard let watched = watched[key.socket], event == ZMQ_EVENT_ACCEPTED, let system else { return }
        let endToCome = endsToCome.removeValue(forKey: key)
        let limits = watched.limits
        accepted += 1
        connections[key] = Connection(
            system, number: accepted, takenBefore: watched.taken.count(of: key.descriptor),
            allowance: limits.allowance.map { TokenBucket(capacity: $0.atOnce, perSecond: $0.perSecond) })
        let count = connections.count { $0.key.socket == key.socket && !$0.value.isEnded }
        if let endToCome {
            end(key, endToCome.reason)
        } else if key.descriptor >= TakenBytes.capacity {
            end(key, .tooManyConnections)
        } else if let limit = limits.maxWaitingBytesInAll, watched.leftBehind > limit {
            end(key, .tooMuchWaiting)
        } else if count > limits.maxConnections {
            end(leastUseful(beside: key, watched.taken), .tooManyConnections)
        }
        interval = Self.interval
        isCheckScheduled = false
        scheduleCheck()
    }

    private func endNow(_ connection: ConnectionID, of taken: TakenBytes, _ reason: Reason) {
        guard let socket = watched.first(where: { $0.value.taken === taken })?.key else { return }
        let key = Key(socket: socket, descriptor: connection.descriptor)
        guard let system = SystemConnection(connection.descriptor), system.id == connection else { return }
        if connections[key]?.system == system {
            end(key, reason)
        } else {
            endsToCome[key] = (system, reason)
        }
    }

    /// The connection to be ended when there is one too many: the oldest that has not sent a whole message, else the
    /// newest.
    private func leastUseful(beside new: Key, _ taken: TakenBytes) -> Key {
        let silent = connections.filter { key, connection in
            key.socket == new.socket && key != new && !connection.isEnded
                && !connection.waiting.hasTaken(taken.count(of: key.descriptor))
        }
        return silent.min { $0.value.number < $1.value.number }?.key ?? new
    }

    private func end(_ key: Key, _ reason: Reason) {
        guard let connection = connections[key], !connection.isEnded else { return }
        connection.isEnded = true
        ended.withLock { $0[reason, default: 0] += 1 }
        report(reason, connection.system.peer)
        connection.system.end()
    }

    private func scheduleCheck() {
        guard !isCheckScheduled, !connections.isEmpty else { return }
        isCheckScheduled = true
        checks += 1
        loop.schedule(after: interval) { [weak self, checks] in self?.assumeIsolated { $0.check(checks) } }
    }

    private func check(_ number: UInt64) {
        guard number == checks else { return }
        isCheckScheduled = false
        var isQuiet = true
        for socket in Array(watched.keys) where !check(socket) { isQuiet = false }
        interval = isQuiet ? min(interval * 2, Self.longestInterval) : Self.interval
        scheduleCheck()
    }

    /// - Returns: whether little came, and little waits.
    private func check(_ socket: Int) -> Bool {
        guard let watched = watched[socket] else { return true }
        let (limits, taken) = (watched.limits, watched.taken)
        var waiting: [(key: Key, bytes: UInt64)] = []
        var came: UInt64 = 0
        let now = ContinuousClock.now
        let drains = taken.drains
        if drains > watched.drains { self.watched[socket]?.leftBehind = 0 }
        self.watched[socket]?.drains = drains
        var inAll = self.watched[socket]?.leftBehind ?? 0
        for (key, connection) in connections where key.socket == socket && !connection.isEnded {
            guard let received = connection.system.receivedBytes else { continue }
            let new = received >= connection.received ? received - connection.received : 0
            connection.received = received
            came &+= new
            if connection.allowance?.take(new, at: now) == false {
                end(key, .tooMuchSent)
                continue
            }
            guard let limit = limits.maxWaitingBytes else { continue }
            connection.waiting.update(
                received: received, taken: taken.count(of: key.descriptor), drains: drains, at: now)
            let rest = connection.waiting.count
            guard rest <= limit, connection.waiting.unfinished <= limits.maxUnfinishedBytes ?? limit else {
                end(key, .tooMuchWaiting)
                continue
            }
            inAll += rest
            if rest > 0 { waiting.append((key, rest)) }
        }
        // The owner sleeps when no whole message waits: it is woken, so that it notes that.
        if inAll > Self.maxUnseen { watched.owner.perform {} }
        let isQuiet = came <= Self.maxUnseen && inAll <= Self.maxUnseen
        guard let limit = limits.maxWaitingBytesInAll, inAll > limit else { return isQuiet }
        for (key, bytes) in waiting.sorted(by: { $0.bytes > $1.bytes }) where inAll > limit {
            end(key, .tooMuchWaiting)
            inAll -= bytes
        }
        return isQuiet
    }
}

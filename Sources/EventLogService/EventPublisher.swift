internal import EventLogProtocol
internal import EventSourcing
internal import ZeroMQ

/// The events socket: publishes records and heartbeats, and takes subscriptions.
///
/// Not Sendable: it belongs to the server on whose loop it is.
final class EventPublisher {
    /// Subscriptions taken in one turn at most.
    private static let maxSubscriptionsOfATurn = 256

    private let logID: UniqueID
    private let socket: Socket
    private let security: LogSecurity?
    private let gate: PeerGate
    private var subscriptions = SubscriptionLedger()
    /// The peers by which the subscriptions were judged last.
    private var judgedGeneration: UInt64 = 0
    private var counted = LogCounters()

    /// Binds the socket. Nobody is greeted before ``whenSubscribed(_:)``.
    init(
        of logID: UniqueID, at endpoint: String, on loop: SocketLoop, connectionGuard: ConnectionGuard,
        security: LogSecurity?, strangers: StrangerWatch
    ) throws(ZeroMQError) {
        self.logID = logID
        self.security = security
        gate = PeerGate(.events, security?.peers, strangers)
        var options = LogSocket.events.options(security)
        // What one slow subscriber can cost in memory: this many messages of a few hundred bytes.
        options.sendQueue = 20_000
        // A subscriber has nothing to send but subscriptions.
        options.largestFrame = 1024
        options.maxFrames = 1
        // libzmq keeps what it takes from this queue without a limit of its own, and goes on in one call for as long as any is
        // filled. Its thread fills longer ones faster than this one can empty them: a flood would delay appends.
        // With a key, libzmq queues a message of its own first, and counts it as if it were never taken.
        options.receiveQueue = security == nil ? 1 : 2
        socket = try Socket(.publisher, options: options, on: loop)
        try socket.guardConnections(by: connectionGuard, limits: PeerLimits.events(isEncrypted: security != nil))
        try socket.bind(endpoint)
    }

    /// What it counted.
    var counters: LogCounters {
        var counters = counted
        // Messages of too many frames break the grammar too.
        counters.malformed += socket.counters.oversized
        return counters
    }

    /// Has `handler` called when subscriptions wait: it calls ``takeSubscriptions()``.
    func whenSubscribed(_ handler: @escaping () -> Void) { socket.whenReadable(handler) }

    /// Publishes records in order of their positions.
    func publish(_ records: [RecordedEvent]) throws(ZeroMQError) {
        let records = records.span
        for index in records.indices { try PublishedMessage.send(records[index], in: logID, on: socket) }
    }

    /// Publishes a heartbeat.
    ///
    /// - Parameter epoch: that of the lease under which it is sent.
    func sendHeartbeat(at head: LogHead, epoch: UInt64) throws(ZeroMQError) {
        try PublishedMessage.sendHeartbeat(of: logID, at: head, epoch: epoch, on: socket)
    }

    /// Takes the subscriptions that wait, within a bound.
    ///
    /// - Returns: whether there are new subscribers.
    func takeSubscriptions() throws -> Bool {
        var subscribed = false
        for _ in 0..<Self.maxSubscriptionsOfATurn {
            guard let isNew = try socket.receive({ takeSubscription($0) }) else { break }
            if isNew { subscribed = true }
        }
        return subscribed
    }

    /// Forgets connections that have ended, and ends those of subscribers that are no peers any more.
    func tidy() {
        subscriptions.forget { !socket.isOpen($0) }
        guard let peers = security?.peers else { return }
        let (table, generation) = peers.current
        guard generation != judgedGeneration else { return }
        judgedGeneration = generation
        let ended = subscriptions.shutOut { key in
            guard let peer = key.flatMap({ table[$0] }) else { return false }
            return peer.role.mayUse(.events)
        }
        for connection in ended { socket.end(connection, .notAdmitted) }
    }

    /// Closes the socket; what waits to be sent still goes out within the linger.
    func close() { socket.close() }

    /// A subscription is one frame: 1, then the prefix; its end begins with 0. Nothing else belongs here.
    ///
    /// - Returns: whether it is a subscription that is taken.
    private func takeSubscription(_ frame: borrowing Frames) -> Bool {
        let connection = socket.connection(frame.connection)
        let verdict: SubscriptionLedger.Verdict
        let key = security == nil ? nil : frame.senderKey
        let kind = frame.withBytes(of: 0) { $0.first ?? .max }
        // An end needs no admission. libzmq itself passes them up when a connection has ended: they are nobody's then.
        if kind == 0 {
            subscriptions.unsubscribe(Array(frame.copy(0).dropFirst()), by: connection)
            return false
        }
        if case .refused(_, let reason) = gate.verdict(on: frame, of: socket) {
            guard subscriptions.shutOut(connection, of: key) == .refused else { return false }
            counted.forbidden += 1
            socket.end(connection, reason)
            return false
        }
        if kind == 1 {
            let topic = Array(frame.copy(0).dropFirst())
            verdict = subscriptions.subscribe(topic, isPossible: Topic.isPrefix(topic), by: connection, of: key)
            if verdict == .taken { counted.subscriptions += 1 }
        } else {
            counted.malformed += 1
            verdict = subscriptions.nonsense(by: connection, of: key)
        }
        if verdict == .refused {
            counted.refusedSubscriptions += 1
            socket.end(connection, .subscriptionRefused)
        }
        return kind == 1 && verdict == .taken
    }
}

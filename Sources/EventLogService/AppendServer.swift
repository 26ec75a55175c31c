internal import EventLogProtocol
internal import EventSourcing
internal import Logging
internal import ZeroMQ

/// Takes appends, has them made durable, acknowledges and publishes them, in this order.
///
/// The store writes; the server's thread never waits for it. What arrives while the store has as many writes under way as
/// it takes gathers in the socket, and all of it is the next batch. So the batch grows with the load by itself, without a
/// timer, and if the store cannot keep up, the socket's queue fills and ZeroMQ pushes back to the senders. A store that is
/// near ends a write before its call returns, and is its own thread's writer.
actor AppendServer {
    /// What has arrived when the service stops is still taken, for this long at most.
    private static let farewell = Duration.milliseconds(500)

    let store: any EventStore
    let appender: any EventAppender
    let loop: SocketLoop
    private let connectionGuard: ConnectionGuard
    let context: Context
    private let security: LogSecurity?
    private let strangers: StrangerWatch
    let logger: Logger
    let report: @Sendable (LogEnding) -> Void

    var appends: AppendSocket?
    var events: EventPublisher?
    var isClosed = false
    var queue: WriteQueue
    var isBeginning = false
    var snapshots = WaitingSnapshots()
    var isSettleScheduled = false
    var isRetryScheduled = false
    /// The last record that was published, or that the log ended with when it was opened.
    var head = LogHead(position: 0, hash: Digest256(0, 0, 0, 0), recordedAt: Timestamp(microseconds: 0))
    var stopping: [CheckedContinuation<Void, Never>] = []
    var counted = LogCounters()
    var ending: LogEnding?
    var availability: StoreAvailability
    var leases: LeaseWatch
    var usage: StoreUsageWatch
    var handshakes: HandshakeWatch

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// A server that appends to a store.
    ///
    /// - Parameters:
    ///   - appender: the store's.
    ///   - report: called once if the store or a socket fails, or the lead is lost; the server has then stopped.
    init(
        store: any EventStore, appender: any EventAppender, on loop: SocketLoop, connectionGuard: ConnectionGuard,
        context: Context, security: LogSecurity?, strangers: StrangerWatch, logger: Logger,
        report: @escaping @Sendable (LogEnding) -> Void
    ) {
        self.store = store
        self.appender = appender
        self.loop = loop
        self.connectionGuard = connectionGuard
        self.context = context
        self.security = security
        self.strangers = strangers
        self.logger = logger
        self.report = report
        queue = WriteQueue(maxUnderWay: appender.maxWritesUnderWay)
        availability = StoreAvailability(logger: logger)
        leases = LeaseWatch(logger: logger)
        usage = StoreUsageWatch(logger: logger)
        handshakes = HandshakeWatch(logger: logger)
    }

    /// What keeps the store from writing now; nil if nothing does.
    var obstacle: StoreObstacle? { availability.obstacle }

    /// What it and its sockets counted.
    var counters: LogCounters {
        var counters = counted
        counters.refused = availability.refused
        for part in [appends?.counters, events?.counters].compactMap(\.self) {
            counters.undeliverable += part.undeliverable
            counters.malformed += part.malformed
            counters.dropped += part.dropped
            counters.forbidden += part.forbidden
            counters.subscriptions += part.subscriptions
            counters.refusedSubscriptions += part.refusedSubscriptions
        }
        return counters
    }

    /// Binds the events socket. To be called first.
    ///
    /// - Parameter head: where the log ends.
    func publish(at endpoint: String, from head: LogHead) throws(ZeroMQError) {
        self.head = head
        let events = try EventPublisher(
            of: store.logID, at: endpoint, on: loop, connectionGuard: connectionGuard, security: security,
            strangers: strangers)
        events.whenSubscribed { [weak self] in self?.assumeIsolated { $0.greetSubscribers() } }
        self.events = events
        beat()
    }

    /// Binds the append socket.
    func takeAppends(at endpoint: String) throws(ZeroMQError) {
        let appends = try AppendSocket(
            of: store.logID, at: endpoint, on: loop, connectionGuard: connectionGuard, security: security,
            strangers: strangers)
        appends.whenReadable { [weak self] in self?.assumeIsolated { _ = $0.takeBatch() } }
        self.appends = appends
        appender.whenEnded { [weak self, loop] error in
            loop.perform { [weak self] in self?.assumeIsolated { $0.end(by: error) } }
        }
    }

    /// Takes in what has arrived already, and waits until the store has written it and it is acknowledged; whatever comes
    /// later is refused: nothing was done.
    ///
    /// - Parameter limit: how long it may take; what the store has not written by then is not answered.
    func stopTaking(within limit: Duration) async {
        let deadline = ContinuousClock.now + limit
        let farewell = min(deadline, .now + Self.farewell)
        while ending == nil, .now < farewell {
            if !queue.hasRoom {
                await nextEnd(before: farewell)
            } else if takeBatch() == 0 {
                break
            }
        }
        appends?.refusal = LogRefusal(.stopping, "the event log is stopping")
        for write in snapshots.takeAll() { queue.add(write) }
        beginWrites()
        while ending == nil, !queue.isIdle, .now < deadline { await nextEnd(before: deadline) }
        if ending == nil, !queue.isIdle {
            logger.warning("the store does not answer; what it was given last is not acknowledged")
        }
    }

    /// Closes the sockets. What the store ends later is not reported.
    func close() {
        isClosed = true
        appends?.close()
        events?.close()
    }
}

public import EventSourcing
public import ZeroMQ

/// Takes in what a ``LogFollower`` hands on. It is called on the follower's loop, one call at a time.
public protocol LogConsumer: AnyObject, Sendable {
    /// Takes in records that follow on those before, without a gap: whole appends, never a part of one.
    ///
    /// - Parameter head: the highest position that is known to be recorded.
    func consume(_ records: [RecordedEvent], head: UInt64)

    /// Hears that everything known to be recorded up to the checkpoint was handed on, or that it no longer is so: while
    /// reading, and when the log has not been heard of for a while. The checkpoint is at the end of an append.
    func followed(isLive: Bool, at checkpoint: LogCheckpoint, head: UInt64)

    /// Hears that what was handed on is not a part of the log (any more), and says where to begin again.
    func diverged(_ divergence: LogDivergence) -> LogCheckpoint
}

/// Follows a log: subscribes, repairs gaps and lost tails by reading, and hands the exact sequence to a consumer.
///
/// The decisions are ``SubscriptionMachine``'s; this actor gives it sockets and time.
public actor LogFollower {
    /// What a follower counted.
    public struct Counters: Hashable, Sendable {
        /// Messages that did not follow the grammar.
        public var malformed: UInt64 = 0
        /// Gaps found among live events.
        public var gaps: UInt64 = 0
        /// Tails found to be lost by a heartbeat.
        public var lostTails: UInt64 = 0
        /// Events that came again.
        public var repeats: UInt64 = 0
        /// Times when the log turned out to be another one than before.
        public var divergences: UInt64 = 0
    }

    /// The log speaks every 500 ms; after this long without a word it counts as gone.
    private static let longestSilence = Duration.seconds(2)
    private static let mostMessagesOfATurn = 1000
    private static let pageLimit = ReadLimit(events: 10_000, bytes: 1 << 20)

    private let loop: SocketLoop
    private let address: EventLogAddress
    private let client: EventLogClient
    private unowned let consumer: any LogConsumer
    private var machine: SubscriptionMachine
    private var socket: Socket?
    private var lastHeard = ContinuousClock.now
    private var failedReads = 0
    private var failedHandshakes = 0
    private var isStopped = true
    private var malformed: UInt64 = 0
    private var finished = Counters()

    /// Why the last read of the log failed; nil where it did not.
    public private(set) var readFailure: EventLogError?

    /// Why the log, or this peer, does not accept the other where events are published; nil if they do, as far as is known.
    public private(set) var rejection: String?

    /// Why what the log has cannot be handed on; nil if nothing is in the way.
    public var obstacle: LogObstacle? { machine.obstacle }

    /// The loop's thread runs this actor.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// A follower of the log at an address.
    ///
    /// - Parameters:
    ///   - checkpoint: where to go on.
    ///   - client: reads the log for it; on the same loop.
    ///   - consumer: must outlive the follower.
    public init(
        _ address: EventLogAddress, after checkpoint: LogCheckpoint, reading client: EventLogClient,
        for consumer: any LogConsumer, on loop: SocketLoop
    ) {
        self.address = address
        self.client = client
        self.consumer = consumer
        self.loop = loop
        machine = SubscriptionMachine(after: checkpoint)
    }

    /// What was counted so far.
    public var counters: Counters {
        var counters = finished
        counters.malformed = malformed
        counters.gaps += machine.gaps
        counters.lostTails += machine.lostTails
        counters.repeats += machine.repeats
        return counters
    }

    /// Subscribes and begins to follow; from here on everything happens by itself, until ``stop()``.
    public func start() throws(ZeroMQError) {
        guard isStopped else { return }
        try subscribe()
        isStopped = false
        watchSilence()
    }

    /// Stops following.
    public func stop() {
        isStopped = true
        socket?.close()
        socket = nil
    }

    private func subscribe() throws(ZeroMQError) {
        var options = SocketOptions()
        options.maxMessageBytes = Int(options.largestFrame)
        // Subscriptions are messages too, sent in bulk at every reconnection: none may be lost.
        options.sendQueue = 0
        options.receiveQueue = 20_000
        options.security = address.security
        let socket = try Socket(.subscriber, options: options, on: loop)
        try socket.whenConnectionChanges { [weak self] event in self?.assumeIsolated { $0.connectionChanged(event) } }
        try socket.subscribe([])
        socket.whenReadable { [weak self] in self?.assumeIsolated { $0.receive() } }
        try socket.connect(address.events)
        self.socket = socket
    }

    private func connectionChanged(_ event: ConnectionEvent) {
        switch event {
        case .connected:
            rejection = nil
            failedHandshakes = 0
        case .disconnected:
            // libzmq connects again by itself.
            break
        case .handshakeFailed(let failure):
            failedHandshakes += 1
            // One that ends without a word does not take back what another attempt has told.
            rejection =
                failure.meaning(for: address.security, at: address.events, failures: failedHandshakes) ?? rejection
            // libzmq may have given the endpoint up, so the next attempt needs a socket of its own.
            socket?.close()
            socket = nil
            subscribeLater()
        }
    }

    private func subscribeLater() {
        let base = 20 << min(failedHandshakes, 5)
        loop.schedule(after: .milliseconds(Int.random(in: base...(2 * base)))) { [weak self] in
            self?.assumeIsolated { follower in
                guard !follower.isStopped, follower.socket == nil else { return }
                // No descriptors left, perhaps: a later attempt may find some.
                do { try follower.subscribe() } catch { follower.subscribeLater() }
            }
        }
    }

    private func receive() {
        guard let socket else { return }
        lastHeard = .now
        var delivery: [RecordedEvent] = []
        var messages = 0
        do {
            while messages < Self.mostMessagesOfATurn,
                let actions = try socket.receive({ frames in self.actions(on: frames) })
            {
                messages += 1
                perform(actions, collectingInto: &delivery)
            }
        } catch {
            // A message that cannot be received is as good as lost: the next heartbeat shows what is missing.
            malformed += 1
        }
        hand(on: &delivery)
        tellState()
    }

    private func actions(on frames: borrowing Frames) -> [SubscriptionMachine.Action] {
        do throws(MalformedFrame) {
            switch try PublishedMessage(frames) {
            case .event(let record, let logID):
                return machine.received(record, in: logID)
            case .heartbeat(let logID, let position, let hash, _):
                return machine.receivedHeartbeat(position: position, hash: hash, in: logID)
            }
        } catch {
            malformed += 1
            return []
        }
    }

    private func perform(_ actions: [SubscriptionMachine.Action]) {
        var delivery: [RecordedEvent] = []
        perform(actions, collectingInto: &delivery)
        hand(on: &delivery)
        tellState()
    }

    private func perform(
        _ actions: [SubscriptionMachine.Action], collectingInto delivery: inout [RecordedEvent]
    ) {
        for action in actions {
            switch action {
            case .deliver(let records):
                if delivery.isEmpty { delivery = records } else { delivery += records }
            case .read(let position):
                read(after: position)
            case .retryLater:
                failedReads += 1
                loop.schedule(after: pause) { [weak self] in
                    self?.assumeIsolated { $0.retryRead() }
                }
            case .diverged(let divergence):
                hand(on: &delivery)
                begin(again: divergence)
            }
        }
    }

    private func hand(on delivery: inout [RecordedEvent]) {
        guard !delivery.isEmpty else { return }
        consumer.consume(delivery, head: machine.knownHead)
        delivery = []
    }

    /// Doubles from 20 ms to about a second, with a random part, so that followers of a log that comes back do not
    /// arrive as a herd.
    private var pause: Duration {
        let base = 20 << min(failedReads, 5)
        return .milliseconds(Int.random(in: base...(2 * base)))
    }

    private func read(after position: UInt64) {
        let client = client
        client.assumeIsolated { client in
            client.readLog(after: position, limit: Self.pageLimit) { [weak self] result in
                self?.assumeIsolated { $0.readEnded(result) }
            }
        }
    }

    private func retryRead() {
        guard !isStopped else { return }
        perform(machine.retryRead())
    }

    private func readEnded(_ result: Result<LogReply, EventLogError>) {
        guard !isStopped else { return }
        switch result {
        case .success(.log(let page)):
            readFailure = nil
            let actions = machine.readAnswered(page)
            // What is read again and again in vain is read ever more seldom.
            if machine.obstacle == nil { failedReads = 0 }
            perform(actions)
        case .success:
            readFailure = EventLogError(.refused, "the log answered with a reply to another kind of request")
            perform(machine.readFailed())
        case .failure(let error):
            readFailure = error
            perform(machine.readFailed())
        }
    }

    private func begin(again divergence: LogDivergence) {
        let ended = counters
        finished = ended
        finished.divergences += 1
        machine = SubscriptionMachine(after: consumer.diverged(divergence))
    }

    private func tellState() {
        let isLive = machine.isLive && .now - lastHeard < Self.longestSilence
        consumer.followed(isLive: isLive, at: machine.checkpoint, head: machine.knownHead)
    }

    private func watchSilence() {
        loop.schedule(after: .milliseconds(500)) { [weak self] in
            self?.assumeIsolated { follower in
                guard !follower.isStopped else { return }
                follower.tellState()
                follower.watchSilence()
            }
        }
    }
}

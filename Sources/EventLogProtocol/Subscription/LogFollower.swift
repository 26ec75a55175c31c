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
/// The decisions are ``SubscriptionMachine``'s; this actor gives it sockets and time. It subscribes at all services of the
/// log, and follows whichever leads.
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
    private static let maxMessagesOfATurn = 1000
    private static let pageLimit = ReadLimit(events: 10_000, bytes: 1 << 20)

    private let loop: SocketLoop
    private let address: EventLogAddress
    private let client: EventLogClient
    private unowned let consumer: any LogConsumer
    private var machine: SubscriptionMachine
    private var channels: [EventChannel] = []
    /// When the last message of the log came; of its leader, if there are several services.
    private var lastHeard = ContinuousClock.now
    private var failedReads = 0
    private var isStopped = true
    private var malformed: UInt64 = 0
    private var finished = Counters()

    /// Why the last read of the log failed; nil where it did not.
    public private(set) var readFailure: EventLogError?

    /// Why the log, or this peer, does not accept the other at the events socket; nil if a service of it does, as far
    /// as is known.
    public var rejection: String? {
        channels.contains(where: \.isConnected) ? nil : channels.lazy.compactMap(\.rejection).first
    }

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
        do throws(ZeroMQError) {
            for index in address.logs.indices { try subscribe(index) }
        } catch {
            unsubscribe()
            throw error
        }
        isStopped = false
        watchSilence()
    }

    /// Stops following.
    public func stop() {
        isStopped = true
        unsubscribe()
    }

    private func subscribe(_ index: Int) throws(ZeroMQError) {
        let channel = try EventChannel(
            to: address.logs[index].events, address.security, ofServices: address.logs.count, on: loop)
        channel.whenReadable = { [weak self] in self?.assumeIsolated { $0.receive(from: index) } }
        channels.append(channel)
    }

    private func unsubscribe() {
        for channel in channels { channel.close() }
        channels = []
    }

    private func receive(from index: Int) {
        guard channels.indices.contains(index) else { return }
        let channel = channels[index]
        var delivery: [RecordedEvent] = []
        var messages = 0
        var wasHeard = false
        do {
            while messages < Self.maxMessagesOfATurn,
                let actions = try channel.receive({ frames in actions(on: frames, from: index, &wasHeard) })
            {
                messages += 1
                perform(actions, collectingInto: &delivery)
            }
        } catch {
            // A message that cannot be received is as good as lost: the next heartbeat shows what is missing.
            malformed += 1
        }
        if wasHeard { lastHeard = .now }
        hand(on: &delivery)
        tellState()
    }

    /// - Parameter wasHeard: is set if the message shows that the log, and its leader if there are several services, lives.
    private func actions(
        on frames: borrowing Frames, from index: Int, _ wasHeard: inout Bool
    ) -> [SubscriptionMachine.Action] {
        do throws(MalformedFrame) {
            switch try PublishedMessage(frames) {
            case .event(let record, let logID):
                // One that was known of, or came before, may be of a service that does not lead any more.
                if record.position > machine.knownHead { wasHeard = true }
                return machine.received(record, in: logID)
            case .heartbeat(let logID, let position, let hash, let epoch):
                guard machine.believesHeartbeat(of: epoch, in: logID) else { return [] }
                wasHeard = true
                client.assumeIsolated { $0.learn(epoch, of: logID, from: index) }
                return machine.receivedHeartbeat(position: position, hash: hash, in: logID, epoch: epoch)
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
        machine = SubscriptionMachine(after: consumer.diverged(divergence), lead: machine.knownLead)
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

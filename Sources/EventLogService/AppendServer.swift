internal import EventLogProtocol
internal import EventSourcing
internal import Logging
internal import ZeroMQ

/// Takes appends, has them made durable, acknowledges and publishes them: in this order, on one thread.
///
/// The thread is the store's writer. While it flushes a batch, further requests gather in the socket; all of them are
/// the next batch. So the batch grows with the load by itself, without a timer, and when the store cannot keep up, the
/// socket's queue fills and ZeroMQ pushes back to the senders.
actor AppendServer {
    /// The bounds of one batch.
    private static let mostRequestsOfABatch = 1024
    private static let mostBytesOfABatch = PeerLimits.maxAppendBytes
    /// What is received in one turn at most, whatever it is, so that nonsense keeps nobody waiting.
    private static let mostFramesOfATurn = 4096
    /// Subscriptions taken in one turn at most.
    private static let maxSubscriptionsOfATurn = 256
    private static let maxGone = 1024
    /// What has arrived when the service stops is still taken, for this long at most.
    private static let farewell = Duration.milliseconds(500)
    private static let snapshotPause = Duration.milliseconds(100)
    private static let mostSnapshotsWaiting = 256
    private static let heartbeatInterval = Duration.milliseconds(500)
    /// How often a store that takes no writes is tried again.
    private static let retryInterval = Duration.milliseconds(500)

    /// Who sent a request, and under which number.
    private struct Sender {
        let peer: [UInt8]
        let number: UInt64
    }

    private enum SnapshotRequest {
        case keep(Snapshot)
        case drop(StreamID, fingerprint: Digest256, version: UInt64)
    }

    /// What waits for the next flush.
    private struct Batch {
        var requests: [AppendRequest] = []
        /// Who sent each request, and under which number.
        var senders: [Sender] = []
        var snapshots: [(request: SnapshotRequest, sender: Sender)] = []
        var bytes = 0
        /// Frames received, requests or not.
        var frames = 0

        var isFull: Bool {
            requests.count + snapshots.count >= mostRequestsOfABatch || bytes >= mostBytesOfABatch
                || frames >= mostFramesOfATurn
        }
    }

    private let store: any EventStore
    private let loop: SocketLoop
    private let logger: Logger
    private let connectionGuard: ConnectionGuard
    private let context: Context
    private let security: LogSecurity?
    private let appendGate: PeerGate
    private let eventsGate: PeerGate
    /// The peers by which the subscriptions were judged last.
    private var judgedGeneration: UInt64 = 0
    private let reportFailure: @Sendable (ServiceError) -> Void
    private var appends: Socket?
    private var replies: ReplyQueue?
    private var events: Socket?
    private var subscriptions = SubscriptionLedger()
    /// Peers without a routing id of their own that have left: what they asked for is not done any more.
    private var gone: Set<[UInt8]> = []
    private var isStopping = false
    /// Snapshots that wait to be kept or dropped.
    private var snapshots: [(request: SnapshotRequest, sender: Sender)] = []
    private var lastSettled = ContinuousClock.now - AppendServer.snapshotPause
    private var isSettleScheduled = false
    private var counted = LogCounters()
    private(set) var failure: ServiceError?
    private var availability: StoreAvailability
    private var usage: StoreUsageWatch
    private var handshakes: HandshakeWatch

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// A server that appends to a store.
    ///
    /// - Parameter reportFailure: called once, where the store or a socket failed; the server has then stopped.
    init(
        store: any EventStore, on loop: SocketLoop, connectionGuard: ConnectionGuard, context: Context,
        security: LogSecurity?, strangers: StrangerWatch, logger: Logger,
        reportFailure: @escaping @Sendable (ServiceError) -> Void
    ) {
        self.store = store
        self.loop = loop
        self.logger = logger
        self.connectionGuard = connectionGuard
        self.context = context
        self.security = security
        appendGate = PeerGate(.append, security?.peers, strangers)
        eventsGate = PeerGate(.events, security?.peers, strangers)
        handshakes = HandshakeWatch(logger: logger)
        self.reportFailure = reportFailure
        availability = StoreAvailability(logger: logger)
        usage = StoreUsageWatch(logger: logger)
    }

    /// What keeps the store from writing now; nil if nothing does.
    var obstacle: StoreObstacle? { availability.obstacle }

    var counters: LogCounters {
        var counters = counted
        counters.undeliverable = replies?.undeliverable ?? 0
        counters.refused = availability.refused
        // Messages of too many frames break the grammar too.
        counters.malformed += (appends?.counters.oversized ?? 0) + (events?.counters.oversized ?? 0)
        return counters
    }

    func publish(at endpoint: String) throws(ZeroMQError) {
        var publisher = SocketOptions()
        // What one slow subscriber can cost in memory: this many messages of a few hundred bytes.
        publisher.sendQueue = 20_000
        publisher.lingerMilliseconds = 500
        // A subscriber has nothing to send but subscriptions.
        publisher.largestFrame = 1024
        publisher.mostFrames = 1
        // libzmq keeps what it reads from subscribers without a limit of its own: it must not read far ahead.
        publisher.receiveQueue = 16
        publisher.domain = LogSocket.events.domain
        publisher.security = security.ofSockets
        let events = try Socket(.publisher, options: publisher, on: loop)
        events.whenReadable { [weak self] in self?.assumeIsolated { $0.greetSubscribers() } }
        try events.guardConnections(by: connectionGuard, limits: PeerLimits.events(isEncrypted: security != nil))
        try events.bind(endpoint)
        self.events = events
        beat()
    }

    func takeAppends(at endpoint: String) throws(ZeroMQError) {
        var router = SocketOptions()
        router.lingerMilliseconds = 500
        // The queues count messages; what they cost in bytes is bounded by ReplyQueue and the guard.
        router.sendQueue = 64
        router.receiveQueue = 128
        router.largestFrame = Int64(PeerLimits.maxAppendBytes)
        router.maxMessageBytes = PeerLimits.maxAppendBytes
        router.domain = LogSocket.append.domain
        router.security = security.ofSockets
        router.mostFrames = ReplyQueue.mostFrames
        let appends = try Socket(.router, options: router, on: loop)
        appends.whenReadable { [weak self] in self?.assumeIsolated { _ = $0.takeBatch() } }
        try appends.guardConnections(by: connectionGuard, limits: PeerLimits.append)
        try appends.bind(endpoint)
        self.appends = appends
        let replies = ReplyQueue(on: appends, loop: loop, maxBytesInAll: PeerLimits.maxAppendReplyBytes)
        replies.whenGone = { [weak self] peer in self?.assumeIsolated { $0.forget(peer) } }
        self.replies = replies
    }

    /// Takes in what has arrived already and acknowledges it; whatever comes later is told that nothing was done.
    func stopTaking() {
        let deadline = ContinuousClock.now + Self.farewell
        while failure == nil, .now < deadline, takeBatch() > 0 {}
        isStopping = true
        settleAfterPause()
    }

    func close() {
        appends?.close()
        events?.close()
        appends = nil
        events = nil
    }

    /// Receives what waits, as one batch, and commits it.
    ///
    /// - Returns: how many frames there were.
    private func takeBatch() -> Int {
        guard let appends else { return 0 }
        var batch = Batch()
        do {
            while !batch.isFull, try appends.receive({ take($0, into: &batch) }) != nil {}
        } catch {
            socketFailed(error)
        }
        do {
            try commit(batch)
        } catch {
            fail(error)
        }
        return batch.frames
    }

    private func take(_ message: borrowing Frames, into batch: inout Batch) {
        let peer = message.copy(0)
        batch.frames += message.count
        if !gone.isEmpty, gone.contains(peer) {
            counted.dropped += UInt64(max(1, message.count) - 1)
            return
        }
        let isBacklogged = replies?.isBacklogged(peer, at: message.connection) ?? false
        let verdict = appends.map { appendGate.verdict(on: message, of: $0) } ?? .admitted(nil)
        if case .refused(_, let reason) = verdict, let appends { end(message.connection, of: appends, reason) }
        for index in 1..<max(1, message.count) {
            batch.bytes += message.withBytes(of: index, \.count)
            do throws(MalformedFrame) {
                let (request, number) = try message.withBytes(of: index, LogRequest.decode)
                let sender = Sender(peer: peer, number: number)
                guard !isStopping else {
                    refuse(LogRefusal(.stopping, "the event log is stopping"), sender)
                    continue
                }
                guard !isBacklogged else {
                    counted.dropped += 1
                    refuse(LogRefusal(.overloaded, "too many replies to earlier requests are unread"), sender)
                    continue
                }
                if let refusal = Self.refusal(of: request, verdict) {
                    counted.forbidden += 1
                    refuse(refusal, sender)
                    continue
                }
                switch request {
                case .append(let append):
                    batch.requests.append(append)
                    batch.senders.append(sender)
                case .keepSnapshot(let snapshot):
                    batch.snapshots.append((.keep(snapshot), sender))
                case .dropSnapshot(let stream, let fingerprint, let version):
                    batch.snapshots.append((.drop(stream, fingerprint: fingerprint, version: version), sender))
                case .readLog, .readStream, .status, .outcome, .loadStream, .streamVersion:
                    refuse(LogRefusal(.unsupported, "the append socket takes only what writes"), sender)
                }
            } catch {
                counted.malformed += 1
            }
        }
    }

    private static func refusal(of request: LogRequest, _ verdict: PeerGate.Verdict) -> LogRefusal? {
        switch (verdict, request) {
        case (.refused(let refusal, _), _):
            refusal
        case (.admitted(let role?), .keepSnapshot), (.admitted(let role?), .dropSnapshot):
            role.mayKeepSnapshots
                ? nil : LogRefusal(.forbidden, "the role \(role.rawValue) may not keep or drop snapshots")
        case (.admitted, _):
            nil
        }
    }

    /// Ends the connection of a peer that is not admitted any more, a moment later: it is to be told why.
    private func end(_ descriptor: Int32, of socket: Socket, _ reason: ConnectionGuard.Reason) {
        let connection = socket.connection(descriptor)
        loop.schedule(after: PeerLimits.farewell) { [weak socket] in socket?.end(connection, reason) }
    }

    /// A peer has left. An address that libzmq made for it is never given again.
    private func forget(_ peer: [UInt8]) {
        guard ReplyQueue.isMadeByLibrary(peer) else { return }
        if gone.count >= Self.maxGone { gone.removeAll(keepingCapacity: true) }
        gone.insert(peer)
    }

    private func commit(_ batch: Batch) throws {
        var records: [RecordedEvent] = []
        if !batch.requests.isEmpty {
            if let (results, made) = try whileWritable({ try store.append(batch.requests) }) {
                records = made
                answer(batch.senders, results, events: made.count)
            } else {
                try answerChecks(of: batch)
            }
        }
        guard let replies, let events else { return }
        try replies.flush()
        let published = records.span
        for index in published.indices {
            try PublishedMessage.send(published[index], in: store.logID, on: events)
        }
        snapshots += batch.snapshots
        try settleInTime()
    }

    private func answer(_ senders: [Sender], _ results: [AppendResult], events: Int) {
        counted.batches += 1
        counted.requests += UInt64(results.count)
        counted.events += UInt64(events)
        for (result, sender) in zip(results, senders) {
            if case .conflict = result { counted.conflicts += 1 }
            answer(sender, result)
        }
    }

    /// A requester that sends much at once, and is told much of it, must lose none of the replies: what recorded nothing is
    /// refused instead, and can be asked for again.
    private func answer(_ sender: Sender, _ result: AppendResult) {
        guard let replies else { return }
        let frame = LogReply.append(result).encoded(number: sender.number, logID: store.logID)
        guard result.isCommitted || replies.hasRoom(for: frame.count, to: sender.peer) else {
            counted.dropped += 1
            return refuse(LogRefusal(.overloaded, "the replies to what was asked for at once are too large"), sender)
        }
        replies.add(frame, to: sender.peer)
    }

    /// Answers those of a batch that write nothing, and refuses the others: the store takes no writes.
    private func answerChecks(of batch: Batch) throws {
        var checks: [AppendRequest] = []
        var asking: [Sender] = []
        var refused: [Sender] = []
        for (request, sender) in zip(batch.requests, batch.senders) {
            if request.isCheck {
                checks.append(request)
                asking.append(sender)
            } else {
                refused.append(sender)
            }
        }
        do {
            if !checks.isEmpty { answer(asking, try store.append(checks).results, events: 0) }
        } catch is StoreObstacle {
            refused += asking
        }
        refuseWriting(refused)
    }

    /// Has the store write something, or refuses it while the store takes no writes: nothing waits for that in the loop,
    /// so heartbeats and refusals go on.
    ///
    /// - Returns: nil if it was refused.
    private func write<Value>(for senders: [Sender], _ body: () throws -> Value) throws -> Value? {
        if let value = try whileWritable(body) { return value }
        refuseWriting(senders)
        return nil
    }

    /// - Returns: nil if the store takes no writes.
    private func whileWritable<Value>(_ body: () throws -> Value) throws -> Value? {
        guard availability.obstacle == nil else { return nil }
        do {
            return try body()
        } catch let obstacle as StoreObstacle {
            availability.met(obstacle)
            retryLater()
            return nil
        }
    }

    private func refuseWriting(_ senders: [Sender]) {
        availability.refuse(senders.count)
        let reason = availability.obstacle?.description ?? ""
        for sender in senders { refuse(LogRefusal(.failed, "the event log cannot write now: \(reason)"), sender) }
    }

    private func retryLater() {
        loop.schedule(after: Self.retryInterval) { [weak self] in self?.assumeIsolated { $0.retry() } }
    }

    private func retry() {
        guard failure == nil, appends != nil else { return }
        do {
            try store.tryWriting()
            availability.wentOn()
        } catch let obstacle as StoreObstacle {
            availability.met(obstacle)
            retryLater()
        } catch {
            fail(error)
        }
    }

    /// Keeps and drops snapshots now, or a little later where that was done just before: nobody waits for them, and each
    /// time costs a flush that a busy stream would else pay again and again.
    private func settleInTime() throws {
        guard !snapshots.isEmpty else { return }
        let pause = Self.snapshotPause - (.now - lastSettled)
        guard pause > .zero, !isStopping, snapshots.count < Self.mostSnapshotsWaiting else { return try settle() }
        guard !isSettleScheduled else { return }
        isSettleScheduled = true
        loop.schedule(after: pause) { [weak self] in self?.assumeIsolated { $0.settleAfterPause() } }
    }

    private func settleAfterPause() {
        isSettleScheduled = false
        do {
            try settle()
        } catch {
            fail(error)
        }
    }

    /// In their order: a snapshot that is kept before it is dropped must be gone.
    private func settle() throws {
        guard failure == nil, let replies else { return }
        let settled = snapshots
        snapshots = []
        var kept: [(snapshot: Snapshot, sender: Sender)] = []
        func keep() throws {
            guard !kept.isEmpty else { return }
            let senders = kept.map(\.sender)
            let results = try write(for: senders) { try store.keep(kept.map(\.snapshot)) } ?? []
            for (isKept, sender) in zip(results, senders) {
                if isKept { counted.snapshots += 1 }
                replies.add(.snapshot(isKept: isKept), to: sender.peer, number: sender.number, logID: store.logID)
            }
            kept = []
        }
        for (request, sender) in settled {
            switch request {
            case .keep(let snapshot):
                kept.append((snapshot, sender))
            case .drop(let stream, let fingerprint, let version):
                try keep()
                let isDone: Void? = try write(for: [sender]) {
                    try store.dropSnapshot(of: stream, fingerprint: fingerprint, version: version)
                }
                guard isDone != nil else { continue }
                replies.add(.snapshot(isKept: false), to: sender.peer, number: sender.number, logID: store.logID)
            }
        }
        try keep()
        try replies.flush()
        lastSettled = .now
    }

    private func refuse(_ refusal: LogRefusal, _ sender: Sender) {
        replies?.add(.refusal(refusal), to: sender.peer, number: sender.number, logID: store.logID)
    }

    /// Greets newcomers with a heartbeat, so that they know at once that their subscription is live and where the
    /// log's head is.
    private func greetSubscribers() {
        guard let events else { return }
        var subscribed = false
        do {
            for _ in 0..<Self.maxSubscriptionsOfATurn {
                guard let isNew = try events.receive({ takeSubscription($0, on: events) }) else { break }
                if isNew { subscribed = true }
            }
        } catch {
            socketFailed(error)
        }
        do {
            if subscribed { try sendHeartbeat() }
        } catch {
            fail(error)
        }
    }

    /// A subscription is one frame: 1, then the prefix; its end begins with 0. Nothing else belongs here.
    ///
    /// - Returns: whether it is a subscription that is taken.
    private func takeSubscription(_ frame: borrowing Frames, on events: Socket) -> Bool {
        let connection = events.connection(frame.connection)
        let verdict: SubscriptionLedger.Verdict
        let key = security == nil ? nil : frame.senderKey
        let kind = frame.withBytes(of: 0) { $0.first ?? .max }
        // An end needs no admission. libzmq itself passes them up when a connection has ended: they are nobody's then.
        if kind == 0 {
            subscriptions.unsubscribe(Array(frame.copy(0).dropFirst()), by: connection)
            return false
        }
        if case .refused(_, let reason) = eventsGate.verdict(on: frame, of: events) {
            guard subscriptions.shutOut(connection, of: key) == .refused else { return false }
            counted.forbidden += 1
            events.end(connection, reason)
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
            events.end(connection, .subscriptionRefused)
        }
        return kind == 1 && verdict == .taken
    }

    private func beat() {
        guard let events else { return }
        subscriptions.forget { !events.isOpen($0) }
        endSubscriptionsOfStrangers(on: events)
        handshakes.look(at: context.forgottenHandshakes)
        do {
            try sendHeartbeat()
            usage.look(at: try store.usage())
        } catch {
            fail(error)
        }
        loop.schedule(after: Self.heartbeatInterval) { [weak self] in self?.assumeIsolated { $0.beat() } }
    }

    /// Ends the connections of subscribers that are no peers any more.
    private func endSubscriptionsOfStrangers(on events: Socket) {
        guard let peers = security?.peers else { return }
        let (table, generation) = peers.current
        guard generation != judgedGeneration else { return }
        judgedGeneration = generation
        let ended = subscriptions.shutOut { key in
            guard let peer = key.flatMap({ table[$0] }) else { return false }
            return peer.role.mayUse(.events)
        }
        for connection in ended { events.end(connection, .notAdmitted) }
    }

    private func sendHeartbeat() throws {
        guard let events else { return }
        try PublishedMessage.sendHeartbeat(of: store.logID, at: store.head(), on: events)
    }

    /// A socket that cannot be received from. Nothing that a peer sends leads here; a socket that was closed does, and
    /// whoever closed it has dealt with the rest.
    private func socketFailed(_ error: any Error) {
        logger.error("a socket cannot be received from", metadata: ["error": "\(error)"])
        if let error = error as? ZeroMQError, error.endsTheSocket { fail(error) }
    }

    /// The end: what a failed flush left on disk is not known, so nothing may be acknowledged any more.
    private func fail(_ error: any Error) {
        guard failure == nil else { return }
        let failure = ServiceError("the event log stops: \(error)")
        self.failure = failure
        close()
        reportFailure(failure)
    }
}

extension AppendResult {
    fileprivate var isCommitted: Bool {
        if case .committed = self { true } else { false }
    }
}

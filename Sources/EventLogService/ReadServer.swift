internal import EventLogProtocol
internal import EventSourcing
internal import Logging
internal import ZeroMQ

/// Answers reads, on a thread of its own, so that the longest read delays no append.
actor ReadServer {
    /// What one reply may carry, whatever was asked for.
    private static let mostEvents = 10_000
    private static let mostBytes = 1 << 20
    /// What is received in one turn at most; and what is answered in one, before the loop looks round again.
    private static let maxMessagesOfATurn = 16
    private static let maxRepliesOfATurn = 32
    /// Requests that wait, of one peer and of all together; an honest peer has at most 10,000 under way.
    private static let maxWaitingOfPeer = FairQueue<Waiting>.Bounds(count: 10_000, bytes: 8 << 20)
    /// Of all connections of one that holds a key.
    private static let maxWaitingOfHolder = FairQueue<Waiting>.Bounds(count: 16_384, bytes: 8 << 20)
    private static let maxWaitingInAll = FairQueue<Waiting>.Bounds(count: 65_536, bytes: 32 << 20)
    /// What a request takes in memory beside its frame's bytes, about.
    private static let requestOverhead = 256
    private static let refusalOfWrites = LogRefusal(.unsupported, "the read socket takes nothing that writes")
    /// Whoever asked has given up by then.
    private static let patience = Duration.seconds(10)
    private static let pause = Duration.milliseconds(5)

    private struct Waiting {
        let request: LogRequest
        let number: UInt64
        let due: ContinuousClock.Instant
    }

    private let store: any EventStore
    private let appender: any EventAppender
    private let loop: SocketLoop
    private let connectionGuard: ConnectionGuard
    private let security: LogSecurity?
    private let gate: PeerGate
    private let logger: Logger
    private var socket: Socket?
    private var replies: ReplyQueue?
    private var waiting = FairQueue<Waiting>(
        maxOfPeer: maxWaitingOfPeer, maxOfHolder: maxWaitingOfHolder, maxInAll: maxWaitingInAll)
    private var isContinuing = false
    private var counted = LogCounters()

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// A server that reads a store.
    ///
    /// - Parameter appender: the store's, which knows whether what is read may be sent.
    init(
        store: any EventStore, appender: any EventAppender, on loop: SocketLoop, connectionGuard: ConnectionGuard,
        security: LogSecurity?, strangers: StrangerWatch, logger: Logger
    ) {
        self.store = store
        self.appender = appender
        self.loop = loop
        self.connectionGuard = connectionGuard
        self.security = security
        gate = PeerGate(.read, security?.peers, strangers)
        self.logger = logger
    }

    var counters: LogCounters {
        var counters = counted
        counters.undeliverable = replies?.undeliverable ?? 0
        counters.malformed += socket?.counters.oversized ?? 0
        return counters
    }

    func start(endpoint: String) throws(ZeroMQError) {
        var options = LogSocket.read.options(security)
        // Requests are small. What their replies cost is bounded by ReplyQueue.
        options.largestFrame = 64 << 10
        options.maxFrames = ReplyQueue.maxFrames
        options.maxMessageBytes = PeerLimits.maxReadBytes
        options.receiveQueue = 128
        options.sendQueue = 64
        let socket = try Socket(.router, options: options, on: loop)
        socket.whenReadable { [weak self] in self?.assumeIsolated { $0.serve() } }
        try socket.guardConnections(by: connectionGuard, limits: PeerLimits.read)
        try socket.bind(endpoint)
        self.socket = socket
        let replies = ReplyQueue(on: socket, loop: loop, maxBytesInAll: PeerLimits.maxReadReplyBytes)
        replies.whenGone = { [weak self] peer in
            self?.assumeIsolated { $0.counted.dropped += UInt64($0.waiting.removeAll(from: peer)) }
        }
        self.replies = replies
    }

    func stop() {
        socket?.close()
        socket = nil
    }

    /// Receives what waits, within a bound, then answers the peers in turn, within another.
    private func serve() {
        guard let socket, let replies else { return }
        do {
            for _ in 0..<Self.maxMessagesOfATurn {
                guard try socket.receive({ take($0, replies) }) != nil else { break }
            }
            try answer(into: replies)
        } catch {
            // Only a closed socket gets here, and then nobody is left to be answered.
            logger.error("the read socket failed", metadata: ["error": "\(error)"])
        }
    }

    private func take(_ message: borrowing Frames, _ replies: ReplyQueue) {
        let peer = message.copy(0)
        let due = ContinuousClock.now + Self.patience
        let isBacklogged = replies.isBacklogged(peer, at: message.connection)
        let holder = security == nil ? nil : message.senderKey
        let verdict = socket.map { gate.verdict(on: message, of: $0) } ?? .admitted(nil)
        if case .refused(_, let reason) = verdict, let socket { end(message.connection, of: socket, reason) }
        for index in 1..<max(1, message.count) {
            do throws(MalformedFrame) {
                let (request, number) = try message.withBytes(of: index, LogRequest.decode)
                let refusal: LogRefusal
                if case .refused(let reason, _) = verdict {
                    counted.forbidden += 1
                    refusal = reason
                } else if request.writes {
                    // At once: it may be large, and nothing is gained if it waits.
                    refusal = Self.refusalOfWrites
                } else {
                    let bytes = message.withBytes(of: index, \.count) + Self.requestOverhead
                    let read = Waiting(request: request, number: number, due: due)
                    guard !waiting.add(read, bytes: bytes, from: peer, of: holder) else { continue }
                    counted.overloaded += 1
                    refusal = LogRefusal(.overloaded, "too many reads wait")
                }
                guard !isBacklogged else {
                    if request.writes { counted.dropped += 1 }
                    continue
                }
                replies.add(.refusal(refusal), to: peer, number: number, logID: store.logID)
            } catch {
                counted.malformed += 1
            }
        }
    }

    /// Ends the connection of a peer that is not admitted any more, a moment later: it is to be told why.
    private func end(_ descriptor: Int32, of socket: Socket, _ reason: ConnectionGuard.Reason) {
        let connection = socket.connection(descriptor)
        loop.schedule(after: PeerLimits.farewell) { [weak socket] in socket?.end(connection, reason) }
    }

    private func answer(into replies: ReplyQueue) throws {
        let now = ContinuousClock.now
        var bytes = 0
        for _ in 0..<Self.maxRepliesOfATurn where bytes < Self.mostBytes {
            guard let (peer, next) = waiting.next(ifMay: { !replies.isBacklogged($0) }) else { break }
            guard next.due > now else {
                counted.dropped += 1
                continue
            }
            counted.reads += 1
            let frame = confirmedReply(to: next.request, number: next.number)
            bytes += frame.count
            replies.add(frame, to: peer)
            // A long page is on its way while the next is read.
            if replies.isFull { try replies.flush() }
        }
        try replies.flush()
        guard !waiting.isEmpty, !isContinuing else { return }
        isContinuing = true
        if bytes > 0 {
            loop.afterThisTurn { [weak self] in self?.assumeIsolated { $0.goOn() } }
        } else {
            // Those whose requests wait must read first.
            counted.dropped += UInt64(waiting.removeFirst { $0.due <= now })
            loop.schedule(after: Self.pause) { [weak self] in self?.assumeIsolated { $0.goOn() } }
        }
    }

    private func goOn() {
        isContinuing = false
        serve()
    }

    /// The frame of the reply, or a refusal if the log was not certain all the time that it leads: what was read may be
    /// old then.
    private func confirmedReply(to request: LogRequest, number: UInt64) -> [UInt8] {
        guard let lease = appender.validLease else { return frame(.refusal(.uncertain), number) }
        let reply = reply(to: request, number: number, epoch: lease.epoch)
        // Asked after the read: another log may lead, and have written, since it was asked before.
        guard appender.validLease?.epoch == lease.epoch else { return frame(.refusal(.uncertain), number) }
        return reply
    }

    private func frame(_ reply: LogReply, _ number: UInt64) -> [UInt8] {
        reply.encoded(number: number, logID: store.logID)
    }

    private func reply(to request: LogRequest, number: UInt64, epoch: UInt64) -> [UInt8] {
        do {
            switch request {
            case .append, .keepSnapshot, .dropSnapshot:
                // They were refused as they came already.
                return frame(.refusal(Self.refusalOfWrites), number)
            case .readLog(let position, let limit):
                return try page(after: position, limit: Self.bounded(limit), number: number, epoch: epoch)
            case .readStream(let stream, let version, let limit):
                return frame(.stream(try store.readStream(stream, after: version, limit: Self.bounded(limit))), number)
            case .status:
                return frame(.status(try status(epoch)), number)
            case .outcome(let key, let scope):
                let bound = try store.outcome(of: key, in: scope).map {
                    BoundOutcome(fingerprint: $0.fingerprint, outcome: $0.outcome)
                }
                return frame(.outcome(bound), number)
            case .loadStream(let stream, let fingerprint, let version, let limit):
                return frame(.loaded(try load(stream, fingerprint, upTo: version, limit)), number)
            case .streamVersion(let stream, let time):
                return frame(.streamVersion(try store.version(of: stream, at: time)), number)
            }
        } catch let obstacle as StoreObstacle {
            return frame(.refusal(LogRefusal(.failed, "the store cannot be read now: \(obstacle)")), number)
        } catch is LeadLost {
            return frame(.refusal(.notLeader), number)
        } catch {
            logger.error("a read failed", metadata: ["error": "\(error)"])
            let reason = "the store could not be read; the event log's own log says why"
            return frame(.refusal(LogRefusal(.failed, reason)), number)
        }
    }

    private func load(
        _ stream: StreamID, _ fingerprint: Digest256, upTo version: UInt64, _ limit: ReadLimit
    ) throws -> LoadedStream {
        let snapshot = try store.snapshot(of: stream, fingerprint: fingerprint, atMost: version)
        let start = snapshot?.version ?? 0
        // No more is read than is wanted; at least one, for the stream's version comes with it.
        let most = min(limit.events, max(1, Int(clamping: version - start)))
        let slice = try store.readStream(
            stream, after: start, limit: Self.bounded(ReadLimit(events: most, bytes: limit.bytes)))
        let wanted = Array(slice.events.prefix { $0.streamVersion <= version })
        return LoadedStream(snapshot: snapshot, slice: StreamSlice(events: wanted, version: slice.version))
    }

    /// A page of the log, from the store's memory straight into the frame: a rebuild reads the whole log so.
    private func page(after position: UInt64, limit: ReadLimit, number: UInt64, epoch: UInt64) throws -> [UInt8] {
        // The head first: it is then hardly ever behind the records.
        let status = try status(epoch)
        var page = LogPageWriter(number: number, status: status)
        try store.readLog(after: position, limit: limit) { page.add($0) }
        return page.frame(status: page.last > status.head.position ? try self.status(epoch) : nil)
    }

    private func status(_ epoch: UInt64) throws -> LogStatus {
        LogStatus(logID: store.logID, head: try store.head(), epoch: epoch)
    }

    private static func bounded(_ limit: ReadLimit) -> ReadLimit {
        ReadLimit(events: min(limit.events, mostEvents), bytes: min(limit.bytes, mostBytes))
    }
}

internal import EventLogProtocol
internal import EventSourcing
internal import Logging
internal import ZeroMQ

/// Answers reads, on a thread of its own, so that the longest read delays no append.
actor ReadServer {
    /// What one reply may carry, whatever was asked for.
    private static let mostEvents = 10_000
    private static let mostBytes = 1 << 20
    /// So many messages are answered before the loop looks round again.
    private static let mostMessagesOfATurn = 16

    private let store: any EventStore
    private let loop: SocketLoop
    private let logger: Logger
    private var socket: Socket?
    private var replies: ReplyQueue?
    private var counted = LogCounters()

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(store: any EventStore, on loop: SocketLoop, logger: Logger) {
        self.store = store
        self.loop = loop
        self.logger = logger
    }

    var counters: LogCounters {
        var counters = counted
        counters.undeliverable = replies?.undeliverable ?? 0
        counters.malformed += socket?.counters.oversized ?? 0
        return counters
    }

    func start(endpoint: String) throws(ZeroMQError) {
        var options = SocketOptions()
        options.lingerMilliseconds = 500
        // Requests are small. Replies are not: what a requester that does not read can cost is this many of them.
        options.largestFrame = 64 << 10
        options.mostFrames = ReplyQueue.mostFrames
        options.sendQueue = 64
        let socket = try Socket(.router, options: options, on: loop)
        socket.whenReadable { [weak self] in self?.assumeIsolated { $0.answer() } }
        try socket.bind(endpoint)
        self.socket = socket
        replies = ReplyQueue(on: socket, loop: loop)
    }

    func stop() {
        socket?.close()
        socket = nil
    }

    private func answer() {
        guard let socket, let replies else { return }
        do {
            for _ in 0..<Self.mostMessagesOfATurn {
                guard try socket.receive({ try answer($0, into: replies) }) != nil else { return }
                try replies.flush()
            }
        } catch {
            // Only a closed socket gets here, and then nobody is left to be answered.
            logger.error("the read socket failed", metadata: ["error": "\(error)"])
        }
    }

    private func answer(_ message: borrowing Frames, into replies: ReplyQueue) throws {
        let peer = message.copy(0)
        for index in 1..<max(1, message.count) {
            do throws(MalformedFrame) {
                let (request, number) = try message.withBytes(of: index, LogRequest.decode)
                counted.reads += 1
                replies.add(reply(to: request, number: number), to: peer)
            } catch {
                counted.malformed += 1
            }
            // A long page is on its way while the next is read.
            if replies.isFull { try replies.flush() }
        }
    }

    /// The frame of the reply.
    private func reply(to request: LogRequest, number: UInt64) -> [UInt8] {
        func frame(_ reply: LogReply) -> [UInt8] { reply.encoded(number: number, logID: store.logID) }
        do {
            switch request {
            case .append, .keepSnapshot, .dropSnapshot:
                return frame(.refusal(LogRefusal(.unsupported, "the read socket takes nothing that writes")))
            case .readLog(let position, let limit):
                return try page(after: position, limit: Self.bounded(limit), number: number)
            case .readStream(let stream, let version, let limit):
                return frame(.stream(try store.readStream(stream, after: version, limit: Self.bounded(limit))))
            case .status:
                return frame(.status(try status()))
            case .outcome(let key, let scope):
                let bound = try store.outcome(of: key, in: scope).map {
                    BoundOutcome(fingerprint: $0.fingerprint, outcome: $0.outcome)
                }
                return frame(.outcome(bound))
            case .loadStream(let stream, let fingerprint, let version, let limit):
                let snapshot = try store.snapshot(of: stream, fingerprint: fingerprint, atMost: version)
                let start = snapshot?.version ?? 0
                // No more is read than is wanted; at least one, for the stream's version comes with it.
                let most = min(limit.events, max(1, Int(clamping: version - start)))
                let slice = try store.readStream(
                    stream, after: start, limit: Self.bounded(ReadLimit(events: most, bytes: limit.bytes)))
                let wanted = Array(slice.events.prefix { $0.streamVersion <= version })
                return frame(
                    .loaded(
                        LoadedStream(snapshot: snapshot, slice: StreamSlice(events: wanted, version: slice.version))))
            case .streamVersion(let stream, let time):
                return frame(.streamVersion(try store.version(of: stream, at: time)))
            }
        } catch {
            logger.error("a read failed", metadata: ["error": "\(error)"])
            return frame(.refusal(LogRefusal(.failed, "the store could not be read; the event log's own log says why")))
        }
    }

    /// A page of the log, from the store's memory straight into the frame: a rebuild reads the whole log so.
    private func page(after position: UInt64, limit: ReadLimit, number: UInt64) throws -> [UInt8] {
        // The head first: it is then hardly ever behind the records.
        let status = try status()
        var page = LogPageWriter(number: number, status: status)
        try store.readLog(after: position, limit: limit) { page.add($0) }
        return page.frame(status: page.last > status.head.position ? try self.status() : nil)
    }

    private func status() throws -> LogStatus {
        LogStatus(logID: store.logID, head: try store.head())
    }

    private static func bounded(_ limit: ReadLimit) -> ReadLimit {
        ReadLimit(events: min(limit.events, mostEvents), bytes: min(limit.bytes, mostBytes))
    }
}

public import Access
internal import Dispatch
internal import EventLogProtocol
public import EventSourcing
internal import Glibc
public import Logging
public import ServiceLifecycle
internal import ServiceSupport
internal import Synchronization
public import ZeroMQ

/// The event-log service: makes events durable, acknowledges them, republishes them, and answers reads.
///
/// It knows nothing of what the events mean, nor of how the store keeps them.
public final class EventLogService: Service {
    // What stopping may take: 5 s in all, of which the end of ZeroMQ's context needs a second.
    /// For writes that were accepted.
    private static let maxWritingTime = Duration.milliseconds(2500)
    /// For a read under way, and for a store that did not answer to be closed.
    private static let maxReadingTime = Duration.milliseconds(250)
    /// For everything until the store is closed.
    private static let maxStoppingTime = Duration.milliseconds(3000)
    /// How long an endpoint that is in use is tried.
    private static let maxBindingTime = Duration.seconds(1)

    private let endpoints: LogEndpoints
    private let appendLoop: SocketLoop
    private let readLoop: SocketLoop
    private let guardLoop: SocketLoop
    let connectionGuard: ConnectionGuard
    let appendServer: AppendServer
    let readServer: ReadServer
    let store: any EventStore
    let appender: any EventAppender
    let context: Context
    let security: LogSecurity?
    let strangers: StrangerWatch
    private let audit: AuditLog?
    let warnings: [String]
    private let looking = Mutex(())
    let logger: Logger
    private let endings: AsyncStream<LogEnding>
    /// Ends when the sockets are closed, which may be long after ``close()`` if a read of the store takes long.
    private let closing = AsyncStream.makeStream(of: Never.self)

    /// A service for a store.
    ///
    /// - Parameters:
    ///   - security: the log's key and its peers; nil: whoever can reach its sockets may do everything.
    ///   - audit: where refused peers are recorded.
    ///   - warnings: what `/readyz` is to warn of for as long as the service runs.
    /// - Throws: ``ZeroMQError`` where the system has no file descriptors left.
    public init(
        store: any EventStore, endpoints: LogEndpoints, context: Context, security: LogSecurity? = nil,
        audit: AuditLog? = nil, warnings: [String] = [], logger: Logger
    ) throws(ZeroMQError) {
        self.store = store
        self.endpoints = endpoints
        self.context = context
        self.security = security
        self.audit = audit
        self.warnings = warnings
        self.logger = logger
        let appender = store.appender()
        self.appender = appender
        let (endings, continuation) = AsyncStream.makeStream(of: LogEnding.self)
        self.endings = endings
        appendLoop = try SocketLoop(name: "log-append", context: context)
        readLoop = try SocketLoop(name: "log-read", context: context)
        guardLoop = try SocketLoop(name: "log-guard", context: context)
        let warnings = PeerWarnings(logger)
        connectionGuard = ConnectionGuard(on: guardLoop) { warnings.warn($0.rawValue, peer: $1) }
        let strangers = StrangerWatch(audit: audit, logger: logger)
        self.strangers = strangers
        Self.admitPeers(of: security, to: context)
        context.whenRefused { strangers.refused($0) }
        appendServer = AppendServer(
            store: store, appender: appender, on: appendLoop, connectionGuard: connectionGuard, context: context,
            security: security, strangers: strangers, logger: logger
        ) { continuation.yield($0) }
        readServer = ReadServer(
            store: store, appender: appender, on: readLoop, connectionGuard: connectionGuard, security: security,
            strangers: strangers, logger: logger)
    }

    /// Before any socket is bound, and whenever the peers have changed.
    private static func admitPeers(of security: LogSecurity?, to context: Context) {
        let table = security?.peers.table
        for socket in LogSocket.allCases {
            let peers = table.map { Admission.Peers.holders(of: $0.keys(for: socket)) } ?? .anybody
            context.admit(PeerLimits.admission(peers), to: socket.domain)
        }
    }

    /// Reads the peers again.
    ///
    /// - Parameter isForced: whether their file is read even if it seems to be as it was.
    private func lookAtPeers(isForced: Bool = false) {
        guard let security else { return }
        // The watch and SIGHUP have threads of their own: what one of them read last must be what is in force.
        looking.withLock { _ in
            if security.peers.look(isForced: isForced) { Self.admitPeers(of: security, to: context) }
        }
    }

    private func watchPeers() async {
        guard security != nil else { return }
        while !Task.isCancelled {
            lookAtPeers()
            audit?.tick()
            // Nothing tells that a file has changed, whatever it lies on, but looking; cancelled when the service stops.
            do { try await Task.sleep(for: .seconds(1)) } catch { return }
        }
    }

    /// Serves until the graceful shutdown.
    ///
    /// - Throws: ``ServiceFailure`` if an endpoint cannot be bound, the store failed or the lead was lost.
    public func run() async throws {
        if case .leadLost(let lost) = try await serve() { throw ServiceFailure("\(lost)") }
    }

    /// Why ``serve()`` returned.
    enum End {
        case stopped
        case leadLost(LeadLost)
    }

    /// Binds the sockets and serves until the graceful shutdown, or until the lead is lost; then acknowledges what has
    /// arrived, as far as that is possible, and closes sockets and store.
    ///
    /// - Throws: ``ServiceFailure`` if an endpoint cannot be bound or the store failed.
    func serve() async throws -> End {
        let head = try store.head()
        do {
            try await bind("EVENT_LOG_READ_ENDPOINT") { () throws(ZeroMQError) in
                try await readServer.start(endpoint: endpoints.read)
            }
            try await bind("EVENT_LOG_EVENTS_ENDPOINT") { () throws(ZeroMQError) in
                try await appendServer.publish(at: endpoints.events, from: head)
            }
            // Last: who can append finds the rest in place.
            try await bind("EVENT_LOG_APPEND_ENDPOINT") { () throws(ZeroMQError) in
                try await appendServer.takeAppends(at: endpoints.append)
            }
        } catch {
            let begun = ContinuousClock.now
            await close()
            do { try await closeStore(before: begun + Self.maxStoppingTime) } catch {
                logger.warning("the store cannot be closed", metadata: ["error": "\(error)"])
            }
            throw error
        }
        logger.info(
            "event log open",
            metadata: [
                "log": "\(store.logID)", "position": "\(head.position)", "append": "\(endpoints.append)",
                "events": "\(endpoints.events)", "read": "\(endpoints.read)",
            ])
        let reload = ReloadSignal.process.subscribe { [weak self] in
            self?.lookAtPeers(isForced: true)
            self?.audit?.reopen()
        }
        defer { ReloadSignal.process.unsubscribe(reload) }
        let watch = Task { await watchPeers() }
        defer { watch.cancel() }
        var ending: LogEnding?
        for await reported in endings.cancelOnGracefulShutdown() {
            ending = reported
            break
        }
        let begun = ContinuousClock.now
        await close()
        if case .failed(let failure) = ending { throw ServiceFailure(failure.description) }
        try await closeStore(before: begun + Self.maxStoppingTime)
        guard case .leadLost(let lost) = ending else { return .stopped }
        // Whoever leads again binds the same endpoints.
        for await _ in closing.stream.cancelOnGracefulShutdown() {}
        return .leadLost(lost)
    }

    /// An endpoint that another log has just closed, on this machine or in this program, may be in use for a moment
    /// still.
    private func bind(
        _ setting: String, _ body: () async throws(ZeroMQError) -> Void
    ) async throws(ServiceFailure) {
        let deadline = ContinuousClock.now + Self.maxBindingTime
        while true {
            do throws(ZeroMQError) {
                return try await body()
            } catch {
                if error.number == EADDRINUSE, .now < deadline, await isPaused(for: .milliseconds(20)) { continue }
                let hint = error.number == EADDRINUSE ? ": is another event log running there?" : ""
                throw ServiceFailure("\(error), the value of \(setting)\(hint)")
            }
        }
    }

    /// - Returns: false if the service is to stop.
    private func isPaused(for duration: Duration) async -> Bool {
        // There is no notification when an endpoint is free.
        do { try await Task.sleep(for: duration) } catch { return false }
        return true
    }

    private func close() async {
        await appendServer.stopTaking(within: Self.maxWritingTime)
        await appendServer.close()
        // A read of a store that is far away may take long.
        let hasStopped = await TimeLimit.value(within: Self.maxReadingTime) { stopped in
            Task { [readServer, appendLoop, readLoop, guardLoop, closing] in
                await readServer.stop()
                await appendLoop.close()
                await readLoop.close()
                // Last: libzmq waits for whoever receives its connection events.
                await guardLoop.close()
                closing.continuation.finish()
                stopped(true)
            }
        }
        if hasStopped != true { logger.warning("a read takes long, and is not waited for") }
    }

    /// Gives the lead back, so that the next log can take it at once. A store that does not answer is left alone.
    private func closeStore(before deadline: ContinuousClock.Instant) async throws {
        let limit = max(Self.maxReadingTime, deadline - .now)
        let result = await TimeLimit.value(within: limit) { closed in
            // Off Swift's own threads, which must not be blocked by a store.
            DispatchQueue.global().async { [store] in closed(Result { try store.close() }) }
        }
        guard let result else { return logger.warning("the store takes long to close, and is not waited for") }
        try result.get()
    }
}

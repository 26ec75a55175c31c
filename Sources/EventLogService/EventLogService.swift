public import Access
internal import EventLogProtocol
public import EventSourcing
internal import Glibc
internal import JSON
public import Logging
public import ServiceLifecycle
public import ServiceSupport
internal import Synchronization
public import ZeroMQ

/// The event-log service: makes events durable, acknowledges them, republishes them, and answers reads.
///
/// It knows nothing of what the events mean, nor of how the store keeps them.
public final class EventLogService: Service {
    private let endpoints: LogEndpoints
    private let appendLoop: SocketLoop
    private let readLoop: SocketLoop
    private let guardLoop: SocketLoop
    private let connectionGuard: ConnectionGuard
    private let appendServer: AppendServer
    private let readServer: ReadServer
    private let store: any EventStore
    private let context: Context
    private let security: LogSecurity?
    private let strangers: StrangerWatch
    private let audit: AuditLog?
    private let warnings: [String]
    private let looking = Mutex(())
    private let logger: Logger
    private let failures: AsyncStream<ServiceError>

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
        let (failures, continuation) = AsyncStream.makeStream(of: ServiceError.self)
        self.failures = failures
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
            store: store, on: appendLoop, connectionGuard: connectionGuard, context: context, security: security,
            strangers: strangers, logger: logger
        ) { continuation.yield($0) }
        readServer = ReadServer(
            store: store, on: readLoop, connectionGuard: connectionGuard, security: security, strangers: strangers,
            logger: logger)
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

    /// Binds the sockets and serves until the graceful shutdown; then acknowledges what has arrived, and closes sockets
    /// and store.
    ///
    /// - Throws: ``ServiceFailure`` where an endpoint cannot be bound or the store failed.
    public func run() async throws {
        do {
            try await bind("EVENT_LOG_READ_ENDPOINT") { () throws(ZeroMQError) in
                try await readServer.start(endpoint: endpoints.read)
            }
            try await bind("EVENT_LOG_EVENTS_ENDPOINT") { () throws(ZeroMQError) in
                try await appendServer.publish(at: endpoints.events)
            }
            // Last: who can append finds the rest in place.
            try await bind("EVENT_LOG_APPEND_ENDPOINT") { () throws(ZeroMQError) in
                try await appendServer.takeAppends(at: endpoints.append)
            }
        } catch {
            await close()
            throw error
        }
        let head = try store.head()
        logger.info(
            "event log open",
            metadata: [
                "log": "\(store.logID)", "position": "\(head.position)", "append": "\(endpoints.append)",
                "events": "\(endpoints.events)", "read": "\(endpoints.read)",
            ])
        ReloadSignal.process.subscribe { [weak self] in
            self?.lookAtPeers(isForced: true)
            self?.audit?.reopen()
        }
        let watch = Task { await watchPeers() }
        defer { watch.cancel() }
        var failure: ServiceError?
        for await reported in failures.cancelOnGracefulShutdown() {
            failure = reported
            break
        }
        await close()
        if let failure { throw ServiceFailure(failure.description) }
        try store.close()
    }

    /// Whether appends are taken, with the head and what was counted.
    public func readiness() async -> Readiness {
        let (failure, appends) = (await appendServer.failure, await appendServer.counters)
        let obstacle = await appendServer.obstacle
        let reads = await readServer.counters
        let ended = connectionGuard.endedConnections
        let warnings = warnings + [security?.peers.problem].compactMap(\.self)
        do {
            let head = try store.head()
            let usage = try store.usage()
            return Readiness(
                missing: [failure?.description, obstacle.map { "the store takes no writes: \($0)" }].compactMap(\.self),
                warnings: warnings,
                details: [
                    .init(name: "log", value: .string(store.logID.description)),
                    .init(name: "hash", value: .string(head.hash.description)),
                ],
                figures: [
                    Figure(.gauge, "position", head.position, help: "The position of the last durable record."),
                    Figure(.counter, "batches", appends.batches, help: "Flushes that recorded something."),
                    Figure(.counter, "requests", appends.requests, help: "Append requests answered."),
                    Figure(.counter, "events", appends.events, help: "Events recorded."),
                    Figure(.counter, "conflicts", appends.conflicts, help: "Appends refused for a stream's version."),
                    Figure(
                        .counter, "refused", appends.refused,
                        help: "Requests refused because the store took no writes."),
                    Figure(.gauge, "store_bytes", usage.bytes, help: "The size of the store."),
                    Figure(
                        .gauge, "store_pending_bytes", usage.pendingBytes,
                        help: "The size of the store's write-ahead log."),
                    Figure(
                        .counter, "forbidden_requests", appends.forbidden + reads.forbidden,
                        help: "Requests and subscriptions refused for their peer's key, role or number of connections."),
                    Figure(
                        .counter, "refused_peers", strangers.count,
                        help: "Handshakes refused since the peer's key is unknown, or its role does not reach there."),
                    Figure(.counter, "snapshots", appends.snapshots, help: "Snapshots of streams kept."),
                    Figure(.counter, "reads", reads.reads, help: "Read requests answered."),
                    Figure(
                        .counter, "malformed_frames", appends.malformed + reads.malformed,
                        help: "Frames that break the grammar."),
                    Figure(
                        .counter, "undeliverable_replies", appends.undeliverable + reads.undeliverable,
                        help: "Replies whose requester was gone or did not read."),
                    Figure(
                        .counter, "dropped_requests", appends.dropped + reads.dropped,
                        help: "Requests not done since their requester was gone or did not read."),
                    Figure(
                        .counter, "overloaded_reads", reads.overloaded,
                        help: "Reads refused because too many waited."),
                    Figure(
                        .counter, "refused_subscriptions", appends.refusedSubscriptions,
                        help: "Subscriptions that ended their connection."),
                    Figure(
                        .counter, "ended_connections", ended.values.reduce(0, +),
                        help: "Connections of peers that exceeded a limit."),
                    Figure(
                        .counter, "forgotten_handshakes", context.forgottenHandshakes,
                        help: "Handshakes not answered in time because too many came."),
                ])
        } catch {
            logger.error("the store's head cannot be read", metadata: ["error": "\(error)"])
            return Readiness(missing: ["the store cannot be read"])
        }
    }

    private func bind(
        _ setting: String, _ body: () async throws(ZeroMQError) -> Void
    ) async throws(ServiceFailure) {
        do throws(ZeroMQError) {
            try await body()
        } catch {
            let hint = error.number == EADDRINUSE ? ": is another event log running there?" : ""
            throw ServiceFailure("\(error), the value of \(setting)\(hint)")
        }
    }

    private func close() async {
        await appendServer.stopTaking()
        await appendServer.close()
        await readServer.stop()
        await appendLoop.close()
        await readLoop.close()
        // Last: libzmq waits for whoever is told of connections.
        await guardLoop.close()
    }
}

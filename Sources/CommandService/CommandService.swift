public import Access
public import EventLogProtocol
public import EventSourcing
internal import HTTPTypes
internal import Hummingbird
internal import JSON
public import Logging
internal import NIOCore
internal import QueryForwarding
public import ServiceLifecycle
public import ServiceSupport
internal import Synchronization
public import ZeroMQ

/// The command service, "the gateway": validates commands that arrive by HTTP, appends their events to the log, and
/// forwards queries to the query service.
///
/// Generic over the domain: what a command, an event and a refusal are, only the domain knows.
public final class CommandService<Domain: CommandDomain>: Service {
    private let domain: Domain
    private let queryAddress: HTTPAddress
    private let queryTLS: ReloadedTLS?
    private let proof: GatewayProof?
    private let logAddress: EventLogAddress
    private let limits: CommandLimits
    private let clients: ServiceSupport.ConnectionLimits
    private let loop: SocketLoop
    private let client: EventLogClient
    private let host: CommandHost<Domain.State>
    private let snapshots: SnapshotKeeper<Domain.State>
    private let horizon = PositionHorizon()
    private let log: KnownLog
    private let queryWatch: QueryWatch
    private let upstream: UpstreamPools
    private let lastHeard = Mutex<ContinuousClock.Instant?>(nil)
    private let audit: AuditLog?
    private let logger: Logger

    /// The log is asked every second; after this long without an answer it counts as gone.
    private static var longestSilence: Duration { .seconds(4) }
    /// So often a head below what the log told before is asked for again, with a pause before each, before the log counts
    /// as one that went back.
    private static var looksAtLowHead: Int { 5 }
    private static var pauseAtLowHead: Duration { .milliseconds(100) }

    /// A gateway for a domain.
    ///
    /// - Parameters:
    ///   - log: where the event log is.
    ///   - query: where the query service listens.
    ///   - queryTLS: what it speaks TLS with; nil: it does not.
    ///   - clients: how many clients there may be, and which share of its feeds and waits one address may have.
    ///   - key: what snapshots are signed with; without one only this process's own are believed.
    ///   - audit: what is told of commands that are denied.
    /// - Throws: ``ZeroMQError`` where the system has no file descriptors left.
    public init(
        domain: Domain, log: EventLogAddress, query: HTTPAddress, queryTLS: ReloadedTLS? = nil, limits: CommandLimits,
        snapshots policy: SnapshotPolicy = SnapshotPolicy(), signedWith key: SnapshotKey = .ofThisProcess(),
        clients: ServiceSupport.ConnectionLimits = ConnectionLimits(), audit: AuditLog? = nil, context: Context,
        logger: Logger
    ) throws(ZeroMQError) {
        self.domain = domain
        self.audit = audit
        self.logger = logger
        logAddress = log
        self.limits = limits
        self.clients = clients
        queryAddress = query
        self.queryTLS = queryTLS
        proof = GatewayProof(key)
        loop = try SocketLoop(name: "gateway", context: context)
        client = EventLogClient(log, requestLimit: limits.commandsInProgress, on: loop)
        snapshots = SnapshotKeeper(
            client: client, policy: policy, signer: SnapshotSigner(key), on: loop, logger: logger)
        host = CommandHost(client: client, limits: limits, horizon: horizon, snapshots: snapshots, on: loop)
        self.log = KnownLog(client: client, horizon: horizon)
        queryWatch = QueryWatch(of: query, tls: queryTLS)
        upstream = UpstreamPools(query, tls: queryTLS)
    }

    /// Stays connected with the log until the graceful shutdown.
    public func run() async throws {
        try await client.connect()
        let watch = Task { await watchLog() }
        let queryWatching = Task { await queryWatch.run() }
        let certificateWatching = Task { await queryTLS?.watch() }
        ReloadSignal.process.subscribe { [queryTLS] in queryTLS?.look(always: true) }
        await waitForShutdown()
        watch.cancel()
        queryWatching.cancel()
        certificateWatching.cancel()
        await client.close()
        await watch.value
        await queryWatching.value
        await certificateWatching.value
        await loop.close()
        try await upstream.close()
    }

    /// What the gateway answers at.
    public var routes: [Route] {
        let (domain, log) = (domain, log)
        let route = CommandRoute(domain: domain, host: host, log: log, audit: audit, logger: logger)
        let bulk = BulkRoute(domain: domain, host: host, log: log, limits: limits, audit: audit, logger: logger)
        let collection = "/\(domain.collection)"
        // An id that no aggregate can have is refused here; every other one can stand in a URL as it is.
        @Sendable func path(_ parameters: PathParameters) throws(Problem) -> String {
            do throws(Problem) {
                return "\(collection)/\(try domain.stream(of: parameters["id"]).name)"
            } catch {
                throw error.adding(log.knownFields)
            }
        }
        return [
            Route(collection, [:], forwardingQueries: .needing(.read) { _ in collection }),
            Route(
                "\(collection)/{id}",
                [
                    .post: .needing(.move) { request, parameters, caller in
                        try await route.answer(request, id: parameters["id"], caller)
                    }
                ],
                forwardingQueries: .needing(.read, to: path)),
            Route(
                "/commands",
                [.post: .needing(.move) { request, _, caller in try await bulk.answer(request, caller) }],
                takesAnyLength: true),
        ]
            + domain.forwardedParts.map { part in
                Route(
                    "\(collection)/{id}/\(part)", [:],
                    forwardingQueries: .needing(.read) { parameters throws(Problem) in
                        "\(try path(parameters))/\(part)"
                    })
            }
            + domain.forwardedPaths.map { path, permission in
                Route(path, [:], forwardingQueries: .needing(permission) { _ in path })
            }
    }

    /// What takes the queries.
    public var forwarder: any RequestForwarder {
        QueryForwarder(
            through: upstream, to: queryAddress, feedPaths: domain.feedPaths, clients: clients, horizon: horizon,
            proof: proof,
            knownFields: { [log] in log.knownFields }, logger: logger)
    }

    /// Whether commands can be obeyed and queries forwarded now.
    public func readiness() async -> Readiness {
        let isConnected = await client.isConnected
        let answers = lastHeard.withLock { $0 }.map { .now - $0 < Self.longestSilence } ?? false
        let snapshots = await snapshots.counters
        var missing: [String] = []
        if !isConnected {
            missing.append(await client.rejection ?? "the event log cannot be reached at \(logAddress.appendEndpoints)")
        } else if !answers {
            missing.append("the event log at \(await client.leader ?? logAddress.readEndpoints) does not answer")
        }
        let hasQueries = queryWatch.isReachable
        if !hasQueries {
            let reason = queryWatch.handshakeFailure.map { ": the handshake of TLS fails: \($0)" } ?? ""
            missing.append("the query service cannot be reached at \(queryAddress)\(reason)")
        }
        return Readiness(
            missing: missing, details: await LogLeader(client).details,
            figures: [
                Figure(.gauge, "position", horizon.position, help: "The highest log position that was told of."),
                Figure(
                    .gauge, "log_reachable", isConnected && answers ? 1 : 0,
                    help: "1 while the event log answers."),
                Figure(
                    .gauge, "query_service_reachable", hasQueries ? 1 : 0,
                    help: "1 while the query service answers."),
                Figure(
                    .counter, "late_replies", await client.lateReplies,
                    help: "Replies of the event log that came after their request had ended."),
                Figure(
                    .gauge, "cached_aggregates", UInt64(clamping: await host.cachedAggregates),
                    help: "Aggregates held in memory."),
                Figure(.counter, "snapshots_kept", snapshots.kept, help: "Snapshots taken to the event log."),
                Figure(
                    .counter, "snapshots_audited", snapshots.audited,
                    help: "Snapshots compared with the fold of all events."),
                Figure(
                    .counter, "snapshots_wrong", snapshots.wrong,
                    help: "Snapshots that were not what the events give, and were deleted."),
                Figure(
                    .counter, "snapshots_not_believed", snapshots.unbelieved,
                    help: "Snapshots that were not signed with this service's key, so that the events were read."),
                Figure(
                    .gauge, "commands_in_progress", UInt64(clamping: await host.commandsInProgress),
                    help: "Commands that wait to be answered."),
            ])
    }

    /// Whether the log is not a continuation of what it was: another one, or restored from before, and maybe grown again.
    private func hasChanged(since known: LogStatus, _ status: LogStatus) async throws(EventLogError) -> Bool {
        guard known.logID == status.logID else { return true }
        let position = known.head.position
        guard position > 0, status.head.position > position else {
            return status.head.position == position && status.head.hash != known.head.hash
        }
        let page = try await client.readLog(after: position - 1, limit: ReadLimit(events: 1))
        return page.records.first?.hash != known.head.hash
    }

    /// Whether the log's head stays below a position that it told of before. It may be so for a moment without anything
    /// being wrong: a record can be read just before the log's head is that record.
    private func staysBelow(_ told: UInt64, _ status: LogStatus) async throws -> Bool {
        var head = status.head.position
        for _ in 0..<Self.looksAtLowHead where head < told {
            // Nothing tells that a log has stayed as it is but time.
            try await Task.sleep(for: Self.pauseAtLowHead)
            head = try await client.status().head.position
        }
        return head < told
    }

    /// Asks the log for its head, again and again: whether it answers tells whether it is there, for a log that is
    /// frozen keeps its connections. The first answer also tells what queries must show at least, for what was answered
    /// before a restart is to be seen after it.
    private func watchLog() async {
        var known: LogStatus?
        while !Task.isCancelled {
            do {
                try await watchLogOnce(&known)
            } catch {
                logger.debug("the event log does not answer", metadata: ["error": "\(error)"])
            }
            // A log that is frozen tells nothing, so it is asked; cancelled when the service stops. A jitter, so that gateways
            // do not ask as one; often only until the log is there.
            let isThere = await client.isConnected
            let pause = Duration.milliseconds(Int.random(in: 50...150) * (isThere && horizon.required != nil ? 10 : 1))
            let end = ContinuousClock.now + pause
            // Soon where queries wait for what the log does not hold yet, as far as is known.
            repeat {
                let slice = min(.milliseconds(horizon.isAwaited ? 20 : 100), end - .now)
                do { try await Task.sleep(for: slice) } catch { return }
            } while !horizon.isAwaited && .now < end
        }
    }

    private func watchLogOnce(_ known: inout LogStatus?) async throws {
        // Whatever was acknowledged before the log is asked is not beyond the head that it answers with.
        let told = horizon.position
        let status = try await client.status()
        lastHeard.withLock { $0 = .now }
        log.learn(status.logID)
        var isOther = if let known { try await hasChanged(since: known, status) } else { false }
        // Also if it was never asked before: commands may have been obeyed already.
        if !isOther { isOther = try await staysBelow(told, status) }
        if isOther {
            logger.error(
                "the log went back or is another one: what was known of it is forgotten",
                metadata: ["told": "\(told)", "head": "\(status.head.position)", "log": "\(status.logID)"])
            horizon.forget()
            await host.forgetAll()
            // Its head is asked for anew: what it acknowledged meanwhile is beyond the one that it has just told.
            known = nil
            return
        }
        horizon.establish(at: status.head.position)
        known = status
    }
}

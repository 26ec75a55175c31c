internal import AsyncHTTPClient
public import EventLogProtocol
internal import EventSourcing
internal import HTTPTypes
internal import JSON
public import Logging
internal import NIOCore
public import ServiceLifecycle
public import ServiceSupport
public import ZeroMQ

/// The command service, "the gateway": validates commands that arrive by HTTP, appends their events to the log, and
/// forwards queries to the query service.
///
/// Generic over the domain: what a command, an event and a refusal are, only the domain knows.
public final class CommandService<Domain: CommandDomain>: Service {
    private let domain: Domain
    private let queryAddress: HTTPAddress
    private let logAddress: EventLogAddress
    private let loop: SocketLoop
    private let client: EventLogClient
    private let host: AggregateHost<Domain.State>
    private let horizon = PositionHorizon()
    private let httpClient: HTTPClient
    private let logger: Logger

    /// A gateway for a domain.
    ///
    /// - Parameters:
    ///   - log: where the event log is.
    ///   - query: where the query service listens.
    ///   - cacheLimit: the most aggregates kept in memory.
    /// - Throws: ``ZeroMQError`` where the system has no file descriptors left.
    public init(
        domain: Domain, log: EventLogAddress, query: HTTPAddress, cacheLimit: Int, context: Context, logger: Logger
    ) throws(ZeroMQError) {
        self.domain = domain
        self.logger = logger
        logAddress = log
        queryAddress = query
        loop = try SocketLoop(name: "gateway", context: context)
        client = EventLogClient(log, on: loop)
        host = AggregateHost(client: client, cacheLimit: cacheLimit, horizon: horizon, on: loop)
        var configuration = HTTPClient.Configuration()
        configuration.timeout = .init(connect: .seconds(1))
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        httpClient = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    /// Stays connected with the log until the graceful shutdown.
    public func run() async throws {
        try await client.connect()
        await learnHead()
        await waitForGracefulShutdown()
        await client.close()
        await loop.close()
        try await httpClient.shutdown()
    }

    /// What the gateway answers at.
    public var routes: [Route] {
        let route = CommandRoute(domain: domain, host: host, logger: logger)
        let forwarder = QueryForwarder(client: httpClient, target: queryAddress, horizon: horizon, logger: logger)
        let forward: Route.Handler = { request, _ in try await forwarder.answer(request) }
        return HealthRoutes.make { [self] in await readiness() } + [
            Route("/\(domain.collection)", [.get: forward]),
            Route(
                "/\(domain.collection)/{id}",
                [
                    .get: forward,
                    .post: { request, parameters in try await route.answer(request, id: parameters["id"]) },
                ]
            ),
            Route("/\(domain.collection)/{id}/events", [.get: forward]),
        ]
    }

    /// Whether commands can be obeyed now.
    public func readiness() async -> Readiness {
        let isConnected = await client.isConnected
        return Readiness(
            missing: isConnected ? [] : ["the event log cannot be reached at \(logAddress.append)"],
            details: [
                .init(name: "position", value: .number(JSONNumber(Int64(clamping: horizon.position)))),
                .init(name: "late_replies", value: .number(JSONNumber(Int64(clamping: await client.lateReplies)))),
            ])
    }

    /// What was answered before a restart is to be seen after it: so queries show at least the head found at the start.
    private func learnHead() async {
        await cancelWhenGracefulShutdown { [self] in
            while !Task.isCancelled {
                do throws(EventLogError) {
                    horizon.advance(to: try await client.status().head.position)
                    return
                } catch {
                    logger.debug("the event log is not there yet", metadata: ["error": "\(error)"])
                }
                // Only until the log is there; a jitter, so that gateways do not ask as one.
                do { try await Task.sleep(for: .milliseconds(Int.random(in: 50...150))) } catch { return }
            }
        }
    }

    private func waitForGracefulShutdown() async {
        let (never, continuation) = AsyncStream.makeStream(of: Void.self)
        defer { continuation.finish() }
        for await _ in never.cancelOnGracefulShutdown() {}
    }
}

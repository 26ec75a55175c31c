public import EventLogProtocol
public import EventSourcing
internal import JSON
public import Logging
public import ServiceLifecycle
public import ServiceSupport
public import ZeroMQ

/// The query service: follows the log, keeps a projection of it in memory, and answers queries from that.
///
/// Generic over the projection: what it holds and what it answers, only the domain knows.
public final class QueryService<Model: Projection & Sendable>: Service {
    private let address: EventLogAddress
    private let loop: SocketLoop
    private let client: EventLogClient
    private let host: ProjectionHost<Model>
    private let follower: LogFollower
    private let logger: Logger

    /// A service that projects the log at an address.
    ///
    /// - Throws: ``ZeroMQError`` where the system has no file descriptors left.
    public init(
        log address: EventLogAddress, context: Context, logger: Logger, makeModel: @escaping @Sendable () -> Model
    ) throws(ZeroMQError) {
        self.address = address
        self.logger = logger
        loop = try SocketLoop(name: "query", context: context)
        client = EventLogClient(address, on: loop)
        host = ProjectionHost(logger: logger, makeModel: makeModel)
        follower = LogFollower(address, after: .beginning, reading: client, for: host, on: loop)
    }

    /// Follows the log until the graceful shutdown.
    public func run() async throws {
        try await follower.start()
        await waitForShutdown()
        await follower.stop()
        await client.close()
        await loop.close()
    }

    /// What the routes of the projection work with.
    public var access: QueryAccess<Model> { QueryAccess(host: host, client: client) }

    /// `/livez` and `/readyz`.
    public var healthRoutes: [Route] { HealthRoutes.make { [self] in await readiness() } }

    /// Whether the projection reflects the log as it is now.
    public func readiness() async -> Readiness {
        let status = host.status
        let counters = await follower.counters
        var missing: [String] = []
        if let failure = status.failure {
            missing.append("the projection \(Model.name) stopped: \(failure)")
        } else if !status.isLive {
            missing.append(
                status.hasCaughtUp
                    ? "the event log at \(address.events) has not been heard of, or is being caught up with"
                    : "the projection \(Model.name) has not caught up with the event log at \(address.events) yet")
        }
        return Readiness(
            missing: missing,
            details: [
                .init(name: "position", value: .number(JSONNumber(Int64(clamping: status.position)))),
                .init(name: "head", value: .number(JSONNumber(Int64(clamping: status.head)))),
                .init(name: "gaps_repaired", value: .number(JSONNumber(Int64(clamping: counters.gaps)))),
                .init(name: "tails_repaired", value: .number(JSONNumber(Int64(clamping: counters.lostTails)))),
                .init(name: "malformed_messages", value: .number(JSONNumber(Int64(clamping: counters.malformed)))),
            ])
    }
}

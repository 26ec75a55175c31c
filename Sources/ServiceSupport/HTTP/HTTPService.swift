internal import Hummingbird
internal import HummingbirdCore
public import Logging
internal import NIOCore
public import ServiceLifecycle

/// An HTTP server with a table of routes, run as part of a service.
public struct HTTPService: Service {
    private let address: HTTPAddress
    private let setting: String
    private let largestBody: Int
    private let mostConnections: Int
    private let routes: [Route]
    private let problems: [ProblemKind]
    private let forwarder: (any RequestForwarder)?
    private let health: Health
    private let logger: Logger

    /// A server for the routes, and those of health and of explanations of problems, at an address.
    ///
    /// - Parameters:
    ///   - problems: the problems that the routes may answer with, beside those that are common to all services.
    ///   - setting: the name of the setting that holds the address, for the message where it cannot be used.
    ///   - largestBody: the most bytes of a request's body that any route takes.
    ///   - mostConnections: the most clients that are connected at once; others wait to be accepted.
    ///   - forwarder: what takes the queries of routes that are forwarded.
    public init(
        _ routes: [Route] = [], problems: [ProblemKind] = [], forwarder: (any RequestForwarder)? = nil,
        health: Health, at address: HTTPAddress, setting: String, largestBody: Int = 0,
        mostConnections: Int = 10_000, logger: Logger
    ) {
        self.routes = routes
        self.problems = problems
        self.forwarder = forwarder
        self.health = health
        self.address = address
        self.setting = setting
        self.largestBody = largestBody
        self.mostConnections = mostConnections
        self.logger = logger
    }

    /// Listens and answers until the graceful shutdown: it then accepts nothing more and finishes what it accepted.
    public func run() async throws {
        var serverLogger = logger
        // What the server says of single connections is of interest only to who looks for it.
        serverLogger.logLevel = max(logger.logLevel, .warning)
        let answers = AnswerCounts()
        let table = RouteTable(
            HealthRoutes.make(health, answers) + routes + ProblemRoutes(problems).routes, counting: answers,
            logger: logger)
        let application = Application(
            responder: table,
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: handlers(ForwardedRoutes(table)), idleTimeout: .seconds(60))),
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port), serverName: nil, backlog: 1024,
                availableConnectionsDelegate: MaximumAvailableConnections(mostConnections)),
            onServerRunning: { [logger] channel in
                logger.info("listening", metadata: ["address": "\(Self.text(of: channel.localAddress))"])
                ServiceManager.send(.ready)
            },
            logger: serverLogger)
        do {
            try await withGracefulShutdownHandler {
                try await application.run()
            } onGracefulShutdown: {
                forwarder?.endFeeds()
            }
        } catch let error where !(error is CancellationError) {
            throw ServiceFailure("cannot listen on \(address), the value of \(setting): \(ListenError.reason(of: error))")
        }
    }

    /// The handlers of a new connection, beside the server's own.
    private func handlers(_ routes: ForwardedRoutes) -> [any RemovableChannelHandler] {
        [RequestHeadHandler.Installer(largestBody: largestBody)]
            + (forwarder.map { [ForwarderInstaller($0, routes)] } ?? [])
    }

    private static func text(of address: SocketAddress?) -> String {
        guard let address, let host = address.ipAddress, let port = address.port else { return "unknown" }
        return HTTPAddress("\(host.contains(":") ? "[\(host)]" : host):\(port)")?.description ?? "\(address)"
    }
}

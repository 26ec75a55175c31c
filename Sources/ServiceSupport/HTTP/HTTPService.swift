internal import Access
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
    private let limits: ConnectionLimits
    private let allowedHosts: [String]
    private let security: HTTPSecurity
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
    ///   - limits: how many clients are connected at once; further ones may only ask for health.
    ///   - allowedHosts: what `Host` may be, beside the listener's own addresses and `localhost`.
    ///   - security: what protects it.
    ///   - forwarder: what takes the queries of routes that are forwarded.
    public init(
        _ routes: [Route] = [], problems: [ProblemKind] = [], forwarder: (any RequestForwarder)? = nil,
        health: Health, at address: HTTPAddress, setting: String, largestBody: Int = 0,
        limits: ConnectionLimits = ConnectionLimits(), allowedHosts: [String] = [],
        security: HTTPSecurity = HTTPSecurity(),
        logger: Logger
    ) {
        self.routes = routes
        self.problems = problems
        self.forwarder = forwarder
        self.health = health
        self.address = address
        self.setting = setting
        self.largestBody = largestBody
        self.limits = limits
        self.allowedHosts = allowedHosts
        self.security = security
        self.logger = logger
    }

    /// Listens and answers until the graceful shutdown: it then accepts nothing more and finishes what it accepted.
    public func run() async throws {
        var serverLogger = logger
        // What the server says of single connections is of interest only to who looks for it.
        serverLogger.logLevel = max(logger.logLevel, .warning)
        let answers = AnswerCounts()
        let connections = ConnectionTable(fittedLimits())
        let (security, callers) = (security, AdmittedCallers(isOpen: security.access.isOpen))
        let table = RouteTable(
            HealthRoutes.make(health, warnings: security.warnings) {
                answers.figures + connections.figures + (security.isOpen ? [] : security.audit.figures)
            } + routes + ProblemRoutes(problems).routes,
            for: callers, security, counting: answers, logger: logger)
        let rules = RequestRules(
            hosts: AllowedHosts(allowedHosts, listener: address.host), origins: security.origins, table: table,
            maxBody: largestBody)
        let access = security.isOpen ? nil : RequestAccess(security, table, callers)
        let application = Application(
            responder: table,
            server: .http1(
                configuration: .init(
                    additionalChannelHandlers: [ConnectionSetup(rules, access, connections, security.tls)]
                        + (forwarder.map { [ForwarderInstaller($0, ForwardedRoutes(table))] } ?? []),
                    idleTimeout: .seconds(60))),
            configuration: ApplicationConfiguration(
                address: .hostname(address.host, port: address.port), serverName: nil, backlog: 1024,
                availableConnectionsDelegate: MaximumAvailableConnections(
                    connections.limits.connections + connections.limits.healthConnections)),
            onServerRunning: { [logger] channel in
                logger.info("listening", metadata: ["address": "\(Self.text(of: channel.localAddress))"])
                ServiceManager.send(.ready)
            },
            logger: serverLogger)
        let watching: [Task<Void, Never>] = [
            Task { [tls = security.tls] in await tls?.watch() },
            Task { [access = security.access] in await access.watch() },
        ]
        ReloadSignal.process.subscribe { [tls = security.tls, access = security.access] in
            tls?.look(always: true)
            Task { await access.readAgain() }
        }
        do {
            try await withGracefulShutdownHandler {
                try await application.run()
            } onGracefulShutdown: {
                forwarder?.endFeeds()
            }
            for task in watching {
                task.cancel()
                await task.value
            }
        } catch let error where !(error is CancellationError) {
            throw ServiceFailure(
                "cannot listen on \(address), the value of \(setting): \(ListenError.reason(of: error))")
        }
    }

    /// The limits, lowered if the system allows the process too few open files.
    private func fittedLimits() -> ConnectionLimits {
        let descriptors = DescriptorLimit.current
        let fitted = limits.fitted(to: descriptors)
        if fitted.connections < limits.connections {
            logger.warning(
                "fewer HTTP clients than HTTP_CONNECTIONS: the system allows too few open files (ulimit -n)",
                metadata: ["connections": "\(fitted.connections)", "open_files": "\(descriptors)"])
        }
        return fitted
    }

    private static func text(of address: SocketAddress?) -> String {
        guard let address, let host = address.ipAddress, let port = address.port else { return "unknown" }
        return HTTPAddress("\(host.contains(":") ? "[\(host)]" : host):\(port)")?.description ?? "\(address)"
    }
}

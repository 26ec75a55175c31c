internal import Access
internal import AccountsHTTP
internal import CommandService
internal import Logging
internal import ServiceLifecycle
internal import ServiceSupport
internal import ZeroMQ

let httpAddress = CommonSettings.httpAddress(
    "COMMAND_HTTP_ADDRESS", default: "127.0.0.1:8080", help: "where clients send commands and queries")
let queryAddress = CommonSettings.httpAddress(
    "QUERY_HTTP_ADDRESS", default: "127.0.0.1:8081", help: "where the query service listens")
let cacheLimit = CommonSettings.count(
    "COMMAND_CACHE_ACCOUNTS", default: "200000", in: 1...100_000_000, help: "the most accounts kept in memory")

let mostCommands = CommonSettings.count(
    "COMMAND_MOST_IN_PROGRESS", default: "4096", in: 1...1_000_000,
    help: "the most commands that wait to be answered; further ones are refused as overload")

let commandDeadline = CommonSettings.duration(
    "COMMAND_DEADLINE", default: "10s",
    help: "after so long nothing more is asked of the event log for a command, and it is answered")

let snapshotInterval = CommonSettings.count(
    "COMMAND_SNAPSHOT_EVENTS", default: "200", in: 0...1_000_000_000,
    help: "a snapshot of an account is taken after so many of its events; 0: none")
let snapshotAudit = CommonSettings.count(
    "COMMAND_SNAPSHOT_AUDIT", default: "100", in: 0...1_000_000_000,
    help: "one of so many snapshots used is compared with the fold of all events; 0: none")

let program = ServiceProgram(
    "command-service", about: "obeys commands that arrive by HTTP, and forwards queries",
    settings: [
        httpAddress.description, queryAddress.description, cacheLimit.description, mostCommands.description,
        commandDeadline.description, snapshotInterval.description, snapshotAudit.description,
        CommonSettings.snapshotKey.description, CommonSettings.queryCA.description,
    ] + CommonSettings.ofHTTP + CommonSettings.ofLogClients)

await program.run { settings, logger in
    let address = try settings.value(httpAddress)
    var security = try await CommonSettings.httpSecurity(
        settings, at: address, httpAddress.name, service: "command", logger: logger)
    security.narrowsByAccounts = !security.access.isOpen
    let domain = AccountCommands()
    let context = try Context()
    let clients = try CommonSettings.connectionLimits(settings)
    let service = try CommandService(
        domain: domain, log: try CommonSettings.logAddress(settings),
        query: try settings.value(queryAddress),
        queryTLS: try CommonSettings.queryTLS(
            settings, at: try settings.value(queryAddress), queryAddress.name,
            showsCredentials: !security.access.isOpen,
            logger: logger),
        limits: CommandLimits(
            cachedAggregates: try settings.value(cacheLimit), commandsInProgress: try settings.value(mostCommands),
            deadline: try settings.value(commandDeadline)),
        snapshots: SnapshotPolicy(
            interval: UInt64(try settings.value(snapshotInterval)),
            auditedOneIn: UInt64(try settings.value(snapshotAudit))),
        signedWith: try CommonSettings.snapshotKey(settings),
        clients: clients, audit: security.access.audit, context: context, logger: logger)
    return [
        ContextLifetime(context), service,
        HTTPService(
            service.routes + [OpenAPIDocument.route(of: .gateway)], problems: AccountProblemKinds.all,
            forwarder: service.forwarder,
            health: Health(of: "command") { await service.readiness() }, at: address, setting: httpAddress.name,
            largestBody: domain.largestBody, limits: clients,
            allowedHosts: try settings.value(CommonSettings.allowedHosts), security: security, logger: logger),
    ]
}

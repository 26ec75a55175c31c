internal import Accounts
internal import AccountsHTTP
internal import Logging
internal import QueryService
internal import SecureFiles
internal import ServiceLifecycle
internal import ServiceSupport
internal import ZeroMQ

let httpAddress = CommonSettings.httpAddress(
    "QUERY_HTTP_ADDRESS", default: "127.0.0.1:8081", help: "where queries are answered")
let historyLimit = CommonSettings.count(
    "QUERY_HISTORY_EVENTS", default: "200000", in: 0...1_000_000_000,
    help: "the most events kept in memory; older ones are read from the event log")
let historyBytes = CommonSettings.count(
    "QUERY_HISTORY_BYTES", default: "268435456", in: 0...1_000_000_000_000,
    help: "the most bytes that those events take in memory, about")

let checkpointFolder = Setting(
    "QUERY_CHECKPOINTS", default: "data/query", help: "the folder in which projections are written down, or none"
) { text throws(SettingError) in
    guard !text.isEmpty else { throw SettingError("expected a folder, or none") }
    return text == "none" ? nil : try CommonSettings.path(text)
}
let checkpointInterval = CommonSettings.count(
    "QUERY_CHECKPOINT_EVENTS", default: "1000000", in: 1...1_000_000_000_000,
    help: "projections are written down after so many events, and at the end")

let program = ServiceProgram(
    "query-service", about: "follows the event log and answers queries from memory",
    settings: [
        httpAddress.description, historyLimit.description, historyBytes.description, checkpointFolder.description,
        checkpointInterval.description, CommonSettings.snapshotKey.description,
    ] + CommonSettings.ofHTTP + CommonSettings.ofLogClients)

await program.run { settings, logger in
    let address = try settings.value(httpAddress)
    let limit = try settings.value(historyLimit)
    let bytes = try settings.value(historyBytes)
    let interval = try settings.value(checkpointInterval)
    let checkpoints = try settings.value(checkpointFolder).map { folder in
        do throws(SecureFileError) {
            try SecureFile.makeFolder(folder)
        } catch {
            throw ServiceFailure(
                "the folder \(folder), the value of \(checkpointFolder.name), cannot be made: \(error)")
        }
        return CheckpointPolicy(folder: folder, interval: UInt64(interval))
    }
    let key = try CommonSettings.snapshotKey(settings)
    var security = try await CommonSettings.httpSecurity(
        settings, at: address, httpAddress.name, service: "query", logger: logger)
    security.narrowsByAccounts = true
    security.gatewayProof = GatewayProof(key)
    let context = try Context()
    let events = ProjectionHost(window: limit, logger: logger) { RecentEvents(limit: limit, bytes: bytes, after: $0) }
    let accounts = ProjectionHost<AccountDirectory>(logger: logger)
    let service = try QueryService(
        log: try CommonSettings.logAddress(settings), projections: ProjectionList(events, accounts),
        checkpoints: checkpoints, snapshotsSignedWith: key, context: context,
        logger: logger)
    let source = EventSource(events, log: service.log)
    let routes =
        AccountQueries(
            accounts: QueryAccess(accounts), events: QueryAccess(events), log: service.log, logger: logger
        ).routes
        + TotalsQueries(accounts: QueryAccess(accounts), log: service.log).routes
        + EventQueries(
            events: QueryAccess(events), source: source, feed: LiveFeed(source, logger: logger)
        ).routes + ProjectionRoutes().adding(accounts, log: service.log).adding(events).routes
        + [OpenAPIDocument.route(of: .queryService)]
    return [
        ContextLifetime(context), service,
        HTTPService(
            routes, problems: AccountProblemKinds.all, health: Health(of: "query") { await service.readiness() },
            at: address, setting: httpAddress.name, limits: try CommonSettings.connectionLimits(settings),
            allowedHosts: try settings.value(CommonSettings.allowedHosts), security: security, logger: logger),
    ]
}

internal import Accounts
internal import AccountsHTTP
internal import Logging
internal import QueryService
internal import ServiceLifecycle
internal import ServiceSupport
internal import ZeroMQ

let httpAddress = CommonSettings.httpAddress(
    "QUERY_HTTP_ADDRESS", default: "127.0.0.1:8081", help: "where queries are answered")
let historyLimit = CommonSettings.count(
    "QUERY_HISTORY_EVENTS", default: "200000", in: 0...1_000_000_000,
    help: "the most events kept in memory; older ones are read from the event log")

let program = ServiceProgram(
    "query-service", about: "follows the event log and answers queries from memory",
    settings: [httpAddress.description, historyLimit.description] + CommonSettings.ofLogClients)

await program.run { settings, logger in
    let address = try settings.value(httpAddress)
    let limit = try settings.value(historyLimit)
    let context = try Context()
    let service = try QueryService(
        log: try CommonSettings.logAddress(settings), context: context, logger: logger
    ) {
        AccountDirectory(historyLimit: limit)
    }
    let routes = service.healthRoutes + AccountQueries(service.access).routes
    return [
        ContextLifetime(context), service, HTTPService(routes, at: address, setting: httpAddress.name, logger: logger),
    ]
}

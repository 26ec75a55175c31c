internal import EventLogService
internal import Logging
internal import SQLiteEventStore
internal import ServiceLifecycle
internal import ServiceSupport
internal import ZeroMQ

let httpAddress = CommonSettings.httpAddress(
    "EVENT_LOG_HTTP_ADDRESS", default: "127.0.0.1:8082", help: "where health is asked for")

let appendEndpoint = CommonSettings.bound(CommonSettings.appendEndpoint)
let eventsEndpoint = CommonSettings.bound(CommonSettings.eventsEndpoint)
let readEndpoint = CommonSettings.bound(CommonSettings.readEndpoint)

let program = ServiceProgram(
    "event-log-service", about: "makes events durable, publishes them and answers reads over ZeroMQ",
    settings: [
        CommonSettings.eventStore.description, appendEndpoint.description, eventsEndpoint.description,
        readEndpoint.description, httpAddress.description, CommonSettings.httpConnections.description,
    ])

await program.run { settings, logger in
    let endpoints = LogEndpoints(
        append: try settings.value(appendEndpoint), events: try settings.value(eventsEndpoint),
        read: try settings.value(readEndpoint))
    let address = try settings.value(httpAddress)
    let connections = try settings.value(CommonSettings.httpConnections)
    let path = try settings.value(CommonSettings.eventStore)
    let store: SQLiteEventStore
    do {
        store = try SQLiteEventStore(path: path)
    } catch {
        throw ServiceFailure("\(CommonSettings.eventStore.name) is sqlite:\(path): \(error)")
    }
    let context = try Context()
    let service = try EventLogService(store: store, endpoints: endpoints, context: context, logger: logger)
    return [
        ContextLifetime(context), service,
        HTTPService(
            health: Health(of: "event_log") { await service.readiness() }, at: address, setting: httpAddress.name,
            mostConnections: connections, logger: logger),
    ]
}

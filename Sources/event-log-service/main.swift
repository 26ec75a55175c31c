internal import Access
internal import EventLogService
internal import EventSourcing
internal import EventStores
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
let writeAheadLog = CommonSettings.count(
    "EVENT_STORE_WAL_BYTES", default: "\(SQLiteEventStore.largestWriteAheadLog)", in: 1_048_576...1_099_511_627_776,
    help: "the write-ahead log beside the store is emptied when it has so many bytes")

let program = ServiceProgram(
    "event-log-service", about: "makes events durable, publishes them and answers reads over ZeroMQ",
    settings: [
        CommonSettings.eventStore.description, writeAheadLog.description, appendEndpoint.description,
        eventsEndpoint.description, readEndpoint.description, httpAddress.description,
    ] + CommonSettings.ofLogSecurity + CommonSettings.ofHTTP)

await program.run { settings, logger in
    let endpoints = LogEndpoints(
        append: try settings.value(appendEndpoint), events: try settings.value(eventsEndpoint),
        read: try settings.value(readEndpoint))
    let address = try settings.value(httpAddress)
    let store = try settings.value(CommonSettings.eventStore)
    let size = try settings.value(writeAheadLog)
    let keys = try CommonSettings.logSecurity(settings)
    let security = try await CommonSettings.httpSecurity(
        settings, at: address, httpAddress.name, service: "event_log", isRestricted: keys != nil, logger: logger)
    let audit = security.access.audit
    let peers = try keys.map { keys in
        do throws(PeersFileError) {
            return LogSecurity(
                secretKey: keys.secret, peers: try PeerDirectory(path: keys.peers, audit: audit, logger: logger))
        } catch {
            throw SettingError("\(CommonSettings.logPeers.name): \(error)")
        }
    }
    let warnings = try CommonSettings.warnings(
        of: [appendEndpoint, eventsEndpoint, readEndpoint], demandingKeys: peers != nil, settings)
    for warning in warnings { logger.warning("not protected", metadata: ["reason": "\(warning)"]) }
    let context = try Context()
    let service = try OpeningEventLog(logger: logger) {
        do {
            var options = EventStores.Options()
            options.writeAheadLog = size
            let opened = try EventStores.open(store, options)
            if case .sqlite(let path) = store, let warning = SQLiteEventStore.exposure(of: path) {
                logger.warning("\(warning)")
            }
            return opened
        } catch let obstacle as StoreObstacle {
            throw obstacle
        } catch {
            throw ServiceFailure("\(CommonSettings.eventStore.name) is \(store): \(error)")
        }
    } serve: {
        try EventLogService(
            store: $0, endpoints: endpoints, context: context, security: peers, audit: audit, warnings: warnings,
            logger: logger)
    }
    return [
        ContextLifetime(context), service,
        HTTPService(
            health: Health(of: "event_log") { await service.readiness() }, at: address, setting: httpAddress.name,
            limits: try CommonSettings.connectionLimits(settings),
            allowedHosts: try settings.value(CommonSettings.allowedHosts), security: security, logger: logger),
    ]
}

internal import Access
internal import EventLogService
internal import EventSourcing
internal import EventStores
internal import Logging
internal import ServiceLifecycle
internal import ServiceSupport
internal import ZeroMQ

let httpAddress = CommonSettings.httpAddress(
    "EVENT_LOG_HTTP_ADDRESS", default: "127.0.0.1:8082", help: "where health is asked for")

let appendEndpoint = CommonSettings.bound(CommonSettings.appendEndpoint)
let eventsEndpoint = CommonSettings.bound(CommonSettings.eventsEndpoint)
let readEndpoint = CommonSettings.bound(CommonSettings.readEndpoint)
let writeAheadLog = CommonSettings.count(
    "EVENT_STORE_WAL_BYTES", default: "\(EventStores.Options().writeAheadLog)", in: 1_048_576...1_099_511_627_776,
    help: "SQLite's write-ahead log beside the store is emptied when it reaches this limit in bytes")
let standby = Setting(
    "EVENT_LOG_STANDBY", default: "auto",
    help:
        "yes: if another log leads in the same store, wait for its end; no: that is an error; auto: yes with PostgreSQL"
) { text throws(SettingError) -> Bool? in
    switch text {
    case "yes": return true
    case "no": return false
    case "auto": return nil
    default: throw SettingError("expected yes, no or auto")
    }
}

let program = ServiceProgram(
    "event-log-service", about: "makes events durable, publishes them and answers reads over ZeroMQ",
    settings: [
        CommonSettings.eventStore.description, writeAheadLog.description, standby.description,
        appendEndpoint.description, eventsEndpoint.description, readEndpoint.description, httpAddress.description,
    ] + CommonSettings.ofLogSecurity + CommonSettings.ofHTTP)

await program.run { settings, logger in
    let endpoints = LogEndpoints(
        append: try settings.value(appendEndpoint), events: try settings.value(eventsEndpoint),
        read: try settings.value(readEndpoint))
    let address = try settings.value(httpAddress)
    let store = try settings.value(CommonSettings.eventStore)
    var options = EventStores.Options()
    options.writeAheadLog = try settings.value(writeAheadLog)
    let mayStandBy = try settings.value(standby) ?? store.isOfServer
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
    let opening: any StoreOpening
    do {
        opening = try EventStores.opening(store, options, standby: mayStandBy)
    } catch {
        throw SettingError("\(CommonSettings.eventStore.name) is \(store): \(error)")
    }
    let service = try OpeningEventLog(opensAtOnce: !store.isOfServer, logger: logger) {
        do {
            let opened = try opening.attempt()
            if let warning = EventStores.exposure(of: store) { logger.warning("\(warning)") }
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

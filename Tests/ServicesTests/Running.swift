import EventLogProtocol
import EventLogService
import Logging
import SQLiteEventStore
import ServiceLifecycle
import TestSupport
import Testing
import ZeroMQ

/// A logger for services of which only the end is of interest.
var quiet: Logger {
    var logger = Logger(label: "test")
    logger.logLevel = .critical
    return logger
}

/// Runs services in this process for as long as `body` takes, and then stops them as a signal would.
func running(_ services: [any Service], _ body: () async throws -> Void) async throws {
    let group = ServiceGroup(configuration: .init(services: services, logger: quiet))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        try await body()
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
    }
}

/// Runs the event-log service in a place of its own, with a client, for as long as `body` takes.
///
/// - Parameter timeout: how long a request of the client waits for its reply.
func withLog(timeout: Duration = .seconds(5), _ body: (EventLogClient, Place) async throws -> Void) async throws {
    let place = try Place()
    defer { place.remove() }
    let context = try Context()
    let service = try EventLogService(
        store: try SQLiteEventStore(path: place.path("log.db")), endpoints: place.endpoints, context: context,
        logger: quiet)
    try await running([service]) {
        let loop = try SocketLoop(name: "client", context: context)
        var address = place.address
        address.timeout = timeout
        let client = EventLogClient(address, on: loop)
        try await client.connect(within: .seconds(20))
        try await body(client, place)
        await client.close()
        await loop.close()
    }
    #expect(await context.close())
}

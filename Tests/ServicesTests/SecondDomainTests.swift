import Access
import AsyncHTTPClient
import CommandService
import EventLogProtocol
import EventLogService
import EventSourcing
import Hummingbird
import JSON
import Logging
import NIOHTTP1
import QueryService
import SQLiteEventStore
import ServiceLifecycle
import ServiceSupport
import Testing
import ZeroMQ

/// The three services, in this process, with a domain that is not that of accounts: real sockets and a real file.
@Suite struct SecondDomainTests {
    @Test func `the services run with a domain that is not that of accounts`() async throws {
        let place = try Place()
        defer { place.remove() }
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        let context = try Context()
        let log = try EventLogService(
            store: try SQLiteEventStore(path: place.path("log.db")), endpoints: place.endpoints, context: context,
            logger: logger)
        let sums = ProjectionHost(logger: logger) { TallySum() }
        let query = try QueryService(
            log: place.address, projections: ProjectionList(sums), context: context, logger: logger)
        let command = try CommandService(
            domain: TallyCommands(), log: place.address, query: place.queryAddress,
            limits: CommandLimits(cachedAggregates: 2), context: context, logger: logger)
        let access = QueryAccess(sums)
        let sum = Route(
            "/sum", parameters: .readByHandlers,
            [
                .get: .needing(.read) { request, _, _ in
                    let parameters = try request.parameters(known: QueryAccess<TallySum>.freshnessParameters)
                    let sum = try await access.read(request, parameters) { $0.sum }
                    return Response.json(.ok) { $0.integer(sum.value) }
                }
            ])
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    log, query, command,
                    HTTPService(
                        [sum], health: Health(of: "query") { await query.readiness() }, at: place.queryAddress,
                        setting: "QUERY", logger: logger),
                    HTTPService(
                        command.routes, forwarder: command.forwarder,
                        health: Health(of: "command") { await command.readiness() },
                        at: place.commandAddress, setting: "COMMAND", logger: logger),
                ], logger: logger))
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await becomesReady(place.queryAddress)
            try await becomesReady(place.commandAddress)

            // More tallies than the gateway keeps, several commands each, at the same time.
            try await withThrowingTaskGroup(of: Void.self) { clients in
                for number in 0..<40 {
                    clients.addTask {
                        let url = "http://\(place.commandAddress)/tallies/t-\(number % 5)"
                        let (status, _, position) = try await send(.POST, url, body: "\(number + 1)")
                        #expect(status == 200)
                        #expect(position != nil)
                    }
                }
                try await clients.waitForAll()
            }
            let (status, body, position) = try await send(
                .POST, "http://\(place.commandAddress)/tallies/t-0", body: "1000")
            #expect(status == 409)
            #expect(body.contains("full"))
            #expect(position != nil)
            let (_, sum, _) = try await send(.GET, "http://\(place.queryAddress)/sum?min_position=40", body: nil)
            #expect(sum == "\((1...40).reduce(0, +))")

            // A command over two aggregates: both or neither, so the sum stays.
            let (moved, _, movedAt) = try await send(.POST, "http://\(place.commandAddress)/tallies/t-0", body: "3>t-1")
            #expect(moved == 200)
            #expect(movedAt == "42")
            let (short, why, _) = try await send(
                .POST, "http://\(place.commandAddress)/tallies/t-0", body: "999>t-1")
            #expect(short == 409)
            #expect(why.contains("short"))
            let (undone, count, _) = try await send(
                .POST, "http://\(place.commandAddress)/tallies/t-0", body: "undo 1")
            #expect(undone == 200)
            #expect(Int(count) != nil)
            let (_, same, _) = try await send(.GET, "http://\(place.queryAddress)/sum?min_position=42", body: nil)
            #expect(Int(same).map { $0 <= (1...40).reduce(0, +) } ?? false)

            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
        #expect(await context.close())
    }
}

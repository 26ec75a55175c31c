import TestSupport
import Testing
import ZeroMQ

@Suite("Full queues: losing, refusing, pushing back", .timeLimit(.minutes(1)))
struct BackPressureTests {
    private static let frameSize = 8192
    private static let many = 10_000

    private static var narrow: SocketOptions {
        var options = SocketOptions()
        options.sendQueue = 100
        options.receiveQueue = 100
        return options
    }

    @Test(arguments: Transport.allCases)
    func aSubscriberThatDoesNotReadLosesAndNeverHoldsUpThePublisher(over transport: Transport) async throws {
        try await onStage { stage in
            let publisher = try await stage.peer(.publisher, Self.narrow)
            let subscriber = try await stage.peer(.subscriber, Self.narrow)
            try await subscriber.subscribe("")
            try await subscriber.connect(publisher.bind(transport.newEndpoint))
            try await eventually("the subscription") { await publisher.received.count == 1 }
            await subscriber.pause()
            let sent = try await publisher.sendUntilRefused(0..<Self.many) { numbered($0, size: Self.frameSize) }
            #expect(sent == Self.many)
            #expect(await subscriber.received.isEmpty)

            await subscriber.resume()
            try await eventually("messages flow again") {
                try await publisher.send(numbered(Self.many))
                return await subscriber.received.contains(numbered(Self.many))
            }
            let numbers = await subscriber.received.compactMap { number(in: $0[0]) }.filter { $0 < Self.many }
            #expect(numbers.count < Self.many)
            // At least what the queues hold, from the first message on, and in order.
            #expect(numbers.prefix(100) == Array(0..<100)[...])
            #expect(zip(numbers, numbers.dropFirst()).allSatisfy { $0 < $1 })
            if transport == .inproc { #expect(numbers == Array(0..<200)) }
        }
    }

    @Test(arguments: Transport.allCases)
    func aPausedRouterPushesBackAndLosesNothing(over transport: Transport) async throws {
        try await onStage { stage in
            let router = try await stage.peer(.router, Self.narrow)
            let dealer = try await stage.peer(.dealer, Self.narrow)
            await router.pause()
            try await dealer.connect(router.bind(transport.newEndpoint))
            var sent = 0
            try await eventually("the queues are full for good") {
                let more = try await dealer.sendUntilRefused(sent..<Self.many) { numbered($0, size: Self.frameSize) }
                sent += more
                return sent > 0 && more == 0
            }
            #expect(sent < Self.many)
            #expect(try await dealer.counters.refused > 0)
            #expect(await router.received.isEmpty)

            await router.resume()
            try await eventually("everything that was sent") { await router.received.count >= sent }
            #expect(await router.received.map { number(in: $0[1]) } == Array(0..<sent))
            let after = sent
            try await dealer.sendAll(after..<after + 1) { numbered($0) }
            try await eventually("messages flow again") { await router.received.count == after + 1 }
        }
    }

    @Test(arguments: Transport.allCases)
    func aRouterIsRefusedByAPeerThatDoesNotReadAndServesTheOthers(over transport: Transport) async throws {
        try await onStage { stage in
            let router = try await stage.peer(.router, Self.narrow)
            let (slow, quick) = (try await stage.peer(.dealer, Self.narrow), try await stage.peer(.dealer))
            let endpoint = try await router.bind(transport.newEndpoint)
            for dealer in [slow, quick] { try await dealer.connect(endpoint) }
            try await slow.sendAll(0..<1) { numbered($0, "slow") }
            try await quick.sendAll(0..<1) { numbered($0, "quick") }
            try await eventually("both requests") { await router.received.count == 2 }
            let requests = await router.received
            let toSlow = try #require(requests.first { $0[1] == numbered(0, "slow")[0] })[0]
            let toQuick = try #require(requests.first { $0[1] == numbered(0, "quick")[0] })[0]
            await slow.pause()
            let sent = try await router.sendUntilRefused(0..<Self.many) {
                [toSlow] + numbered($0, size: Self.frameSize)
            }
            #expect(sent < Self.many)
            #expect(try await router.counters.refused == 1)
            #expect(try await router.send([toQuick, [1]]) == .sent)
            try await eventually("the other's answer") { await quick.received == [[[1]]] }
            await slow.resume()
            try await eventually("all of the slow one's answers") { await slow.received.count >= sent }
            #expect(await slow.received.map { number(in: $0[0]) } == Array(0..<sent))
        }
    }
}

import TestSupport
import Testing
import ZeroMQ

@Suite("Conversations: every pair of roles over every transport", .timeLimit(.minutes(1)))
struct ConversationTests {
    @Test(arguments: Transport.allCases)
    func thousandsOfRequestsAreAnsweredInOrder(over transport: Transport) async throws {
        try await onStage { stage in
            let router = try await stage.peer(.router, roomy, .echo)
            let dealer = try await stage.peer(.dealer)
            try await dealer.connect(router.bind(transport.newEndpoint))
            try await dealer.sendAll(0..<5000) { numbered($0) }
            try await eventually("5000 answers") { await dealer.received.count >= 5000 }
            #expect(await dealer.received.map { number(in: $0[0]) } == Array(0..<5000))
            let (asked, answered) = (try await dealer.counters, try await router.counters)
            #expect(asked.sent == 5000 && asked.received == 5000)
            #expect(answered.sent == 5000 && answered.received == 5000)
            #expect(await router.errors.isEmpty)
        }
    }

    @Test(arguments: Transport.allCases)
    func everyDealerGetsItsOwnAnswers(over transport: Transport) async throws {
        try await onStage { stage in
            let router = try await stage.peer(.router, roomy, .echo)
            let endpoint = try await router.bind(transport.newEndpoint)
            let loop = try stage.loop("dealers")
            var dealers: [Peer] = []
            for _ in 0..<5 { dealers.append(try await stage.peer(.dealer, on: loop)) }
            try await withThrowingTaskGroup { group in
                for (index, dealer) in dealers.enumerated() {
                    try await dealer.connect(endpoint)
                    group.addTask { try await dealer.sendAll(0..<500) { numbered($0, "\(index)/") } }
                }
                try await group.waitForAll()
            }
            for (index, dealer) in dealers.enumerated() {
                try await eventually("500 answers") { await dealer.received.count >= 500 }
                #expect(await dealer.received == (0..<500).map { numbered($0, "\(index)/") })
            }
        }
    }

    @Test(arguments: Transport.allCases)
    func subscribersReceiveTheirTopicInOrder(over transport: Transport) async throws {
        try await onStage { stage in
            let publisher = try await stage.peer(.publisher, roomy)
            let subscriber = try await stage.peer(.subscriber, roomy)
            try await subscriber.subscribe("a|")
            try await subscriber.connect(publisher.bind(transport.newEndpoint))
            try await eventually("the subscription") { await publisher.received == [[[1] + Array("a|".utf8)]] }
            let sent = try await publisher.sendUntilRefused(0..<10_000) { numbered($0 / 2, $0 % 2 == 0 ? "a|" : "b|") }
            #expect(sent == 10_000)
            try await eventually("5000 messages") { await subscriber.received.count >= 5000 }
            #expect(await subscriber.received == (0..<5000).map { numbered($0, "a|") })
        }
    }

    @Test(arguments: Transport.allCases)
    func messagesOfManyShapesArriveUnchanged(over transport: Transport) async throws {
        let large = (0..<(1 << 20)).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let messages: [Message] = [
            [[]], [[], []], [[1]], [[], [1], []], [[1], [], [], [2, 3]], [large], [[7], large, []],
            (0..<63).map { [UInt8](repeating: UInt8($0), count: $0) },
        ]
        try await onStage { stage in
            let router = try await stage.peer(.router, roomy, .echo)
            let dealer = try await stage.peer(.dealer)
            try await dealer.connect(router.bind(transport.newEndpoint))
            try await dealer.sendAll(0..<messages.count) { messages[$0] }
            try await eventually("the answers") { await dealer.received.count >= messages.count }
            #expect(await dealer.received == messages)

            let publisher = try await stage.peer(.publisher, roomy)
            let subscriber = try await stage.peer(.subscriber, roomy)
            try await subscriber.subscribe("")
            try await subscriber.connect(publisher.bind(transport.newEndpoint))
            try await eventually("the subscription") { await publisher.received.count == 1 }
            for message in messages { try await publisher.send(message) }
            try await eventually("the publication") { await subscriber.received.count >= messages.count }
            #expect(await subscriber.received == messages)
        }
    }

    @Test func bothEndsMayShareALoop() async throws {
        try await onStage { stage in
            let loop = try stage.loop()
            let router = try await stage.peer(.router, roomy, .echo, on: loop)
            let dealer = try await stage.peer(.dealer, on: loop)
            try await dealer.connect(router.bind(Transport.tcp.newEndpoint))
            try await dealer.sendAll(0..<2000) { numbered($0) }
            try await eventually("2000 answers") { await dealer.received.count >= 2000 }
            #expect(await dealer.received == (0..<2000).map { numbered($0) })
        }
    }

    @Test func subscriptionsAreNeverLostHoweverMany() async throws {
        try await onStage { stage in
            let publisher = try await stage.peer(.publisher)
            let subscriber = try await stage.peer(.subscriber)
            let reserved = try ReservedEndpoint(.tcp)
            try await subscriber.connect(reserved.endpoint)
            try await subscriber.perform { subscriber in
                for number in 0..<5000 { try subscriber.subscribe("\(number)|") }
            }
            try await publisher.bindAgain(reserved.endpoint)
            try await eventually("5000 subscriptions") { await publisher.received.count >= 5000 }
            #expect(Set(await publisher.received).count == 5000)
        }
    }
}

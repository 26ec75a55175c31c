import TestSupport
import Testing
import ZeroMQ

@Suite("Peers that come and go", .timeLimit(.minutes(1)))
struct PeersThatComeAndGoTests {
    @Test(arguments: Transport.allCases)
    func connectingBeforeBindingIsFine(over transport: Transport) async throws {
        try await onStage { stage in
            let reserved = try ReservedEndpoint(transport)
            let dealer = try await stage.peer(.dealer)
            try await dealer.connect(reserved.endpoint)
            let router = try await stage.peer(.router, roomy, .echo)
            _ = try await router.bind(reserved.endpoint)
            try await dealer.sendAll(0..<100) { numbered($0) }
            try await eventually("100 answers") { await dealer.received.count >= 100 }
            #expect(await dealer.received == (0..<100).map { numbered($0) })
        }
    }

    @Test(arguments: [Transport.tcp, .ipc])
    func aDealerQueuesForAPeerThatIsAwayAndNoMoreThanItsQueueHolds(over transport: Transport) async throws {
        try await onStage { stage in
            let reserved = try ReservedEndpoint(transport)
            var options = SocketOptions()
            options.sendQueue = 10
            let dealer = try await stage.peer(.dealer, options)
            #expect(try await dealer.send([[1]]) == .wouldBlock)
            try await dealer.connect(reserved.endpoint)
            #expect(try await dealer.sendUntilRefused(0..<100) { numbered($0) } == 10)
            #expect(try await dealer.counters.refused == 2)
            #expect(try await dealer.counters.sent == 10)
            let router = try await stage.peer(.router, roomy)
            _ = try await router.bind(reserved.endpoint)
            try await eventually("what was queued") { await router.received.count >= 10 }
        }
    }

    /// Where `ZMQ_IMMEDIATE` is set, libzmq drops them, or ends the process if it learns of the loss between two frames.
    @Test(arguments: [Transport.tcp, .ipc])
    func whatAPeerSentBeforeItWentIsReceivedWholeWhateverItsFrames(over transport: Transport) async throws {
        try await onStage { stage in
            var options = roomy
            options.lingerMilliseconds = 10_000
            let router = try await stage.peer(.router, options)
            let dealer = try await stage.peer(.dealer, roomy, isWatched: true)
            try await dealer.connect(router.bind(transport.newEndpoint))
            try await dealer.sendAll(0..<1) { numbered($0) }
            try await eventually("the dealer's address") { await router.received.count == 1 }
            let address = try #require(await router.received.first?.first)
            // Not read from now on, not even looked at: the loss is learnt while the messages are taken.
            await dealer.pause()
            let message = (1...7).map { [UInt8]($0...$0) }
            try await router.sendAll(0..<500) { _ in [address] + message }
            await router.close()
            try await eventually("the loss is seen") { await dealer.events == [.connected, .disconnected] }
            let taken = try await dealer.perform { dealer in
                var taken = 0
                while try dealer.opened.receive({ frames in (0..<frames.count).map { frames.copy($0) } }) == message {
                    taken += 1
                }
                return taken
            }
            #expect(taken == 500)
        }
    }

    @Test(arguments: [Transport.tcp, .ipc])
    func messagesFlowAgainWhenTheRouterComesBack(over transport: Transport) async throws {
        try await onStage { stage in
            let first = try await stage.peer(.router, roomy, .echo)
            let dealer = try await stage.peer(.dealer, isWatched: true)
            let endpoint = try await first.bind(transport.newEndpoint)
            try await dealer.connect(endpoint)
            try await dealer.sendAll(0..<10) { numbered($0) }
            try await eventually("10 answers") { await dealer.received.count >= 10 }

            await first.close()
            try await eventually("the loss is seen") { await dealer.events == [.connected, .disconnected] }
            let second = try await stage.peer(.router, roomy, .echo)
            try await second.bindAgain(endpoint)
            try await dealer.sendAll(10..<1000) { numbered($0) }
            try await eventually("all answers") { await dealer.received.count >= 1000 }
            #expect(await dealer.received == (0..<1000).map { numbered($0) })
            #expect(await second.received.count == 990)
            #expect(await dealer.events.last == .connected)
        }
    }

    @Test(arguments: [Transport.tcp, .ipc])
    func subscriptionsAreRestoredWhenThePublisherComesBack(over transport: Transport) async throws {
        try await onStage { stage in
            let subscriber = try await stage.peer(.subscriber)
            try await subscriber.subscribe("a|")
            let first = try await stage.peer(.publisher)
            let endpoint = try await first.bind(transport.newEndpoint)
            try await subscriber.connect(endpoint)
            try await eventually("the subscription") { await first.received.count == 1 }
            await first.close()
            let second = try await stage.peer(.publisher)
            try await second.bindAgain(endpoint)
            try await eventually("the subscription again") { await second.received == [[[1] + Array("a|".utf8)]] }
            try await second.send(numbered(1, "a|"))
            try await eventually("the message") { await subscriber.received == [numbered(1, "a|")] }
        }
    }

    @Test(arguments: Transport.allCases)
    func answeringAPeerThatIsGoneIsToldAndCounted(over transport: Transport) async throws {
        try await onStage { stage in
            let router = try await stage.peer(.router)
            let dealer = try await stage.peer(.dealer)
            #expect(try await router.send([[0, 1, 2, 3, 4], [1]]) == .unreachable)
            #expect(try await router.counters.unreachable == 1)

            try await dealer.connect(router.bind(transport.newEndpoint))
            try await dealer.sendAll(0..<1) { numbered($0) }
            try await eventually("the request") { await router.received.count == 1 }
            let address = try #require(await router.received.first?.first)
            #expect(try await router.send([address, [1]]) == .sent)
            await dealer.close()
            try await eventually("the peer is unreachable") {
                try await router.send([address, [1]]) == .unreachable
            }
            let counters = try await router.counters
            #expect(counters.unreachable == 2)
            // The socket is none the worse for it.
            let another = try await stage.peer(.dealer)
            try await another.connect(router.bind(transport.newEndpoint))
            try await another.sendAll(0..<1) { numbered($0) }
            try await eventually("another request") { await router.received.count == 2 }
        }
    }

    @Test func connectionsMadeAndLostAreReported() async throws {
        try await onStage { stage in
            let router = try await stage.peer(.router, isWatched: true)
            let dealer = try await stage.peer(.dealer, isWatched: true)
            try await dealer.connect(router.bind(Transport.tcp.newEndpoint))
            try await eventually("both see the connection") {
                let (made, accepted) = (await dealer.events, await router.events)
                return made == [.connected] && accepted == [.connected]
            }
            await dealer.close()
            try await eventually("the router sees the loss") { await router.events == [.connected, .disconnected] }
            #expect(await dealer.events == [.connected])
        }
    }

    @Test(arguments: [
        // A signature that begins like ZMTP's and goes wrong; a mechanism that does not exist; a browser.
        [0xFF, 0, 0, 0, 0, 0, 0, 0, 1, 0x7F, 3, 0] + Array("GARBAGE".utf8) + [UInt8](repeating: 0, count: 45),
        [UInt8](repeating: 0xFF, count: 200), Array("GET / HTTP/1.1\r\n\r\n".utf8), [],
    ])
    func garbageIsReportedAndHarmsNobody(_ garbage: [UInt8]) async throws {
        try await onStage { stage in
            let router = try await stage.peer(.router, roomy, .echo, isWatched: true)
            let endpoint = try await router.bind(Transport.tcp.newEndpoint)
            do {
                let stranger = try RawConnection(to: endpoint)
                stranger.write(garbage)
            }
            // Of a peer that it takes for ZMTP/1.0, and refuses, libzmq tells only that its connection has ended.
            try await eventually("the failure is reported") {
                let events = await router.events
                return events.contains { $0 != .connected }
            }
            #expect(await !router.events.contains(.connected))
            let dealer = try await stage.peer(.dealer)
            try await dealer.connect(endpoint)
            try await dealer.sendAll(0..<10) { numbered($0) }
            try await eventually("10 answers") { await dealer.received.count >= 10 }
        }
    }

    @Test func watchingOutlivesThousandsOfConnections() async throws {
        // More events than libzmq's monitor would queue by itself, on a loop that has no time to read them.
        try await onStage { stage in
            let router = try await stage.peer(.router, isWatched: true)
            let endpoint = try await router.bind(Transport.tcp.newEndpoint)
            try await router.perform { _ in
                for _ in 0..<2500 { _ = try RawConnection(to: endpoint, isAbrupt: true) }
            }
            await router.close()
            let other = try await stage.peer(.router, roomy, .echo)
            let dealer = try await stage.peer(.dealer)
            try await dealer.connect(other.bind(Transport.tcp.newEndpoint))
            try await dealer.sendAll(0..<1) { numbered($0) }
            try await eventually("an answer") { await dealer.received.count == 1 }
        }
    }
}

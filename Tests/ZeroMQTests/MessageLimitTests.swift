import TestSupport
import Testing
import ZeroMQ

@Suite("Messages with too many frames or too many bytes", .timeLimit(.minutes(1)))
struct MessageLimitTests {
    private static func frames(_ count: Int) -> Message { (0..<count).map { [UInt8(truncatingIfNeeded: $0)] } }

    @Test(arguments: Transport.allCases)
    func aMessageWithTooManyFramesIsDroppedWholeAndCounted(over transport: Transport) async throws {
        var options = roomy
        options.maxFrames = 4
        try await onStage { [options] stage in
            let router = try await stage.peer(.router, options)
            let dealer = try await stage.peer(.dealer, options)
            try await dealer.connect(router.bind(transport.newEndpoint))
            let counts = [4, 5, 6, 1, 300, 4]
            try await dealer.sendAll(0..<counts.count) { Self.frames(counts[$0]) }
            try await eventually("the last request") { await router.received.count >= 3 }
            #expect(await router.received.map { Array($0.dropFirst()) } == [4, 1, 4].map(Self.frames))
            #expect(try await router.counters.oversized == 3)
            #expect(try await router.counters.received == 3)

            // And for a socket without address frames.
            let address = try #require(await router.received.first?.first)
            for count in counts { #expect(try await router.send([address] + Self.frames(count)) == .sent) }
            try await eventually("the last answer") { await dealer.received.count >= 3 }
            #expect(await dealer.received == [4, 1, 4].map(Self.frames))
            #expect(try await dealer.counters.oversized == 3)
        }
    }

    @Test(arguments: Transport.allCases)
    func aMessageWithTooManyBytesIsDroppedWholeAndCounted(over transport: Transport) async throws {
        var options = roomy
        options.maxMessageBytes = 1000
        try await onStage { [options] stage in
            let router = try await stage.peer(.router, options)
            let dealer = try await stage.peer(.dealer, roomy)
            try await dealer.connect(router.bind(transport.newEndpoint))
            let sizes = [[1000], [500, 500], [1001], [400, 400, 201, 5000], [1, 1000], [999, 1]]
            try await dealer.sendAll(0..<sizes.count) { index in sizes[index].map { [UInt8](repeating: 7, count: $0) } }
            try await eventually("the last") { await router.received.count >= 3 }
            #expect(await router.received.map { $0.dropFirst().map(\.count) } == [[1000], [500, 500], [999, 1]])
            #expect(try await router.counters.oversized == 3)
        }
    }

    @Test(arguments: [Transport.tcp, .ipc])
    func aPeerThatSendsTooLargeAFrameIsDisconnectedAndTheOthersAreNot(over transport: Transport) async throws {
        var options = roomy
        options.largestFrame = 1000
        try await onStage { [options] stage in
            let router = try await stage.peer(.router, options, .echo, isWatched: true)
            let (good, bad) = (
                try await stage.peer(.dealer, isWatched: true), try await stage.peer(.dealer, isWatched: true)
            )
            let endpoint = try await router.bind(transport.newEndpoint)
            try await good.connect(endpoint)
            try await bad.connect(endpoint)
            let fits = [[UInt8](repeating: 1, count: 1000)]
            try await good.sendAll(0..<1) { _ in fits }
            try await bad.sendAll(0..<1) { _ in fits }
            try await eventually("frames that fit") {
                let (one, other) = (await good.received, await bad.received)
                return one == [fits] && other == [fits]
            }
            #expect(try await bad.send([[UInt8](repeating: 1, count: 1001)]) == .sent)
            try await eventually("the disconnection") { await bad.events.contains(.disconnected) }
            try await good.sendAll(0..<1000) { numbered($0) }
            try await eventually("the other's answers") { await good.received.count == 1001 }
            #expect(await good.events == [.connected])
            #expect(await router.received.allSatisfy { $0[1].count <= 1000 })
            // It may come back and behave.
            try await bad.sendAll(0..<1) { _ in [[2]] }
            try await eventually("its answer") { await bad.received.last == [[2]] }
        }
    }
}

import TestSupport
import Testing
import ZeroMQ

/// Where a process is when it is told to stop.
private enum Moment: CaseIterable, Codable, Sendable {
    case idle
    case noPeerYet
    case connected
    case unsentToAPeerThatDoesNotRead
    case unsentToAPeerThatDied
    case unsentToASubscriber
    case receiving
    case paused
    case watchedWhilePeersComeAndGo
    case manyWatchedWhilePeersComeAndGo
    case socketDropped
    case socketDroppedWithItsLoop
    case timersPending
    case closedTwice
    case closedByTwoAtOnce
    case contextBeforeLoop
}

/// Each in a process of its own, where the context has no other share: closing it ends it, or hangs, for all to see.
@Suite("Shutdown cannot hang", .timeLimit(.minutes(1)))
struct ShutdownTests {
    @Test(arguments: Moment.allCases)
    private func theContextEndsInTime(when moment: Moment) async {
        await #expect(processExitsWith: .success) { [moment] in
            let context = try Context()
            let loops = Loops(context)
            try await moment.reach(loops)
            if moment == .contextBeforeLoop {
                try await loops.endContext()
                await loops.close()
            } else {
                await loops.close()
                try await loops.endContext()
            }
        }
    }

    @Test func aLingeringSocketStillDeliversAndThenEnds() async {
        await #expect(processExitsWith: .success) {
            let loops = Loops(try Context())
            var narrow = SocketOptions()
            narrow.receiveQueue = 10
            var lingering = roomy
            lingering.lingerMilliseconds = 10_000
            let router = try await loops.peer(.router, narrow)
            let dealer = try await loops.peer(.dealer, lingering)
            try await dealer.connect(router.bind(Transport.tcp.newEndpoint))
            await router.pause()
            // More than the system's own buffers hold.
            try await dealer.sendAll(0..<4000) { numbered($0, size: 8192) }
            await dealer.loop.close()
            await router.resume()
            try await eventually("everything that was sent") { await router.received.count >= 4000 }
            #expect(await router.received.map { number(in: $0[1]) } == Array(0..<4000))
            await loops.close()
            try await loops.endContext()
        }
    }

    @Test func descriptorsAndThreadsAreGivenBack() async {
        await #expect(processExitsWith: .success) {
            func round() async throws {
                let loops = Loops(try Context())
                let router = try await loops.peer(.router, isWatched: true)
                let dealer = try await loops.peer(.dealer, isWatched: true)
                try await dealer.connect(router.bind(Transport.tcp.newEndpoint))
                try await dealer.sendAll(0..<1) { numbered($0) }
                await loops.close()
                try await loops.endContext()
            }
            try await round()
            let before = descriptors()
            for _ in 0..<30 { try await round() }
            try await eventually("everything is given back") {
                descriptors() <= mostDescriptors(after: 30, from: before)
            }
        }
    }
}

/// The loops of a process that is going to stop.
private final class Loops {
    let context: Context
    private var loops: [SocketLoop] = []
    /// Kept, so that no socket goes before its time.
    private var peers: [Peer] = []

    init(_ context: Context) { self.context = context }

    func loop(_ name: String) throws -> SocketLoop {
        let loop = try SocketLoop(name: name, context: context)
        loops.append(loop)
        return loop
    }

    func peer(
        _ role: SocketRole, _ options: SocketOptions = SocketOptions(), _ behaviour: Peer.Behaviour = .collect,
        on loop: SocketLoop? = nil, isWatched: Bool = false
    ) async throws -> Peer {
        let peer = Peer(on: try loop ?? self.loop("\(role)"), behaviour)
        peers.append(peer)
        try await peer.open(role, options, isWatched: isWatched)
        return peer
    }

    func forget() {
        loops = []
        peers = []
    }

    func close() async {
        for loop in loops { await loop.close() }
    }

    /// Ends the context, which takes hardly longer than the longest linger here.
    func endContext() async throws {
        let start = ContinuousClock.now
        #expect(await context.close(timeLimit: .seconds(10)))
        #expect(.now - start < .seconds(3))
        // It is really gone, and the next one works.
        let next = Loops(try Context())
        let router = try await next.peer(.router, roomy, .echo)
        let dealer = try await next.peer(.dealer)
        try await dealer.connect(router.bind(Transport.tcp.newEndpoint))
        try await dealer.sendAll(0..<1) { numbered($0) }
        try await eventually("an answer") { await dealer.received.count == 1 }
        await next.close()
        #expect(await next.context.close())
    }
}

extension Moment {
    fileprivate func reach(_ loops: Loops) async throws {
        var lingering = SocketOptions()
        lingering.lingerMilliseconds = 300
        switch self {
        case .idle:
            for role in SocketRole.allCases { _ = try await loops.peer(role, lingering, isWatched: true) }
        case .noPeerYet:
            let reserved = try ReservedEndpoint(.tcp)
            for role in SocketRole.allCases {
                let peer = try await loops.peer(role, lingering, isWatched: true)
                try await peer.connect(reserved.endpoint)
                if role == .subscriber { try await peer.subscribe("a|") } else { _ = try? await peer.send([[1], [2]]) }
            }
        case .connected, .contextBeforeLoop:
            _ = try await conversation(loops, lingering)
        case .unsentToAPeerThatDoesNotRead, .paused:
            let (router, dealer) = try await conversation(loops, lingering)
            await router.pause()
            if self == .paused { await dealer.pause() }
            let sent = try await dealer.sendUntilRefused(0..<100_000) { numbered($0, size: 8192) }
            #expect(sent < 100_000)
        case .unsentToAPeerThatDied:
            let (router, dealer) = try await conversation(loops, lingering)
            await router.pause()
            _ = try await dealer.sendUntilRefused(0..<100_000) { numbered($0, size: 8192) }
            await router.loop.close()
        case .unsentToASubscriber:
            let publisher = try await loops.peer(.publisher, lingering)
            let subscriber = try await loops.peer(.subscriber, lingering)
            try await subscriber.subscribe("")
            try await subscriber.connect(publisher.bind(Transport.tcp.newEndpoint))
            try await eventually("the subscription") { await publisher.received.count == 1 }
            await subscriber.pause()
            _ = try await publisher.sendUntilRefused(0..<10_000) { numbered($0, size: 8192) }
        case .receiving:
            let (router, dealer) = try await conversation(loops, lingering)
            Task { try await dealer.sendAll(0..<Int.max) { numbered($0, size: 100) } }
            try await eventually("a flood") { await router.received.count > 1000 }
        case .watchedWhilePeersComeAndGo:
            let router = try await loops.peer(.router, lingering, isWatched: true)
            let endpoint = try await router.bind(Transport.tcp.newEndpoint)
            Task.detached {
                for _ in 0..<5000 { _ = try RawConnection(to: endpoint, isAbrupt: true) }
            }
            try await eventually("comings and goings") { await router.events.count > 50 }
        case .manyWatchedWhilePeersComeAndGo:
            // Closing them all takes a while, in which there is always something to report of one of them.
            let loop = try loops.loop("routers")
            var routers: [Peer] = []
            for _ in 0..<100 { routers.append(try await loops.peer(.router, lingering, on: loop)) }
            var endpoints: [String] = []
            for router in routers {
                try await router.watch()
                endpoints.append(try await router.bind(Transport.tcp.newEndpoint))
            }
            for _ in 0..<2 {
                Task.detached { [endpoints] in
                    for number in 0..<20_000 {
                        _ = try RawConnection(to: endpoints[number % endpoints.count], isAbrupt: true)
                    }
                }
            }
            for router in routers {
                try await eventually("comings and goings") { await router.events.count > 2 }
            }
        case .socketDropped:
            let (router, dealer) = try await conversation(loops, lingering)
            await router.drop()
            await dealer.drop()
        case .socketDroppedWithItsLoop:
            _ = try await conversation(loops, lingering)
            loops.forget()
        case .timersPending:
            let (router, _) = try await conversation(loops, lingering)
            await router.perform { router in router.loop.schedule(after: .seconds(3600)) {} }
            loops.forget()
        case .closedTwice:
            _ = try await conversation(loops, lingering)
            await loops.close()
        case .closedByTwoAtOnce:
            let (router, dealer) = try await conversation(loops, lingering)
            let (one, other) = (router.loop, dealer.loop)
            await withTaskGroup { group in
                for loop in [one, other, one, other] { group.addTask { await loop.close() } }
            }
        }
    }

    private func conversation(_ loops: Loops, _ options: SocketOptions) async throws -> (Peer, Peer) {
        let router = try await loops.peer(.router, options, isWatched: true)
        let dealer = try await loops.peer(.dealer, options, isWatched: true)
        try await dealer.connect(router.bind(Transport.tcp.newEndpoint))
        try await dealer.sendAll(0..<10) { numbered($0) }
        try await eventually("10 messages") { await router.received.count == 10 }
        return (router, dealer)
    }
}

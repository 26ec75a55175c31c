import Dispatch
import Synchronization
import TestSupport
import Testing

@testable import ZeroMQ

@Suite("Connections that exceed a limit", .timeLimit(.minutes(2)))
struct ConnectionGuardTests {
    private func onGuardedStage(
        _ limits: ConnectionLimits, _ body: (Stage, Peer, String, ConnectionGuard) async throws -> Void
    ) async throws {
        try await onStage { stage in
            let loop = try stage.loop("socket")
            let connectionGuard = ConnectionGuard(on: try stage.loop("guard"))
            let router = Peer(on: loop, .echo)
            try await router.open(.router, roomy)
            try await router.perform { try $0.opened.guardConnections(by: connectionGuard, limits: limits) }
            try await body(stage, router, router.bind(Transport.tcp.newEndpoint), connectionGuard)
        }
    }

    @Test func `a peer whose messages wait is ended, and the others are not`() async throws {
        var limits = ConnectionLimits()
        limits.maxWaitingBytes = 1 << 20
        try await onGuardedStage(limits) { stage, router, endpoint, connectionGuard in
            let (good, bad) = (
                try await stage.peer(.dealer, isWatched: true), try await stage.peer(.dealer, roomy, isWatched: true)
            )
            try await good.connect(endpoint)
            try await bad.connect(endpoint)
            // Far more than the limit, but never at once.
            for round in 0..<10 {
                try await good.sendAll(10 * round..<10 * (round + 1)) { numbered($0, size: 50_000) }
                try await eventually("the echoes") { await good.received.count == 10 * (round + 1) }
            }
            #expect(connectionGuard.endedConnections.isEmpty)
            await router.pause()
            try await bad.sendAll(0..<100) { numbered($0, size: 50_000) }
            try await eventually("its end") { await bad.events.contains(.disconnected) }
            #expect(connectionGuard.endedConnections[.tooMuchWaiting] ?? 0 >= 1)
            #expect(await !good.events.contains(.disconnected))
        }
    }

    @Test func `messages that are taken add up to nothing, however many they are`() async throws {
        var limits = ConnectionLimits()
        limits.maxWaitingBytes = 40_000
        try await onGuardedStage(limits) { stage, _, endpoint, connectionGuard in
            let peer = try await stage.peer(.dealer, roomy, isWatched: true)
            try await peer.connect(endpoint)
            for round in 0..<200 {
                try await peer.sendAll(100 * round..<100 * (round + 1)) { numbered($0, size: 256) }
                try await eventually("the echoes") { await peer.received.count == 100 * (round + 1) }
            }
            #expect(connectionGuard.endedConnections.isEmpty)
            #expect(await peer.events == [.connected])
        }
    }

    @Test func `who has a descriptor now is not ended for another connection`() async throws {
        try await onGuardedStage(ConnectionLimits()) { stage, router, endpoint, connectionGuard in
            let peer = try await stage.peer(.dealer, isWatched: true)
            try await peer.connect(endpoint)
            try await peer.sendAll(0..<1) { numbered($0) }
            try await eventually("the echo") { await peer.received.count == 1 }
            // All that it may be: the connection that has its descriptor is the only one that is ended.
            let open = try await router.perform { router in
                let socket = try router.opened
                return (0..<TakenBytes.capacity).map { socket.connection($0) }.filter { $0.cookie > 0 }
            }
            #expect(!open.isEmpty)
            try await router.perform { router in
                for connection in open {
                    let others = [connection.cookie - 1, connection.cookie + 1]
                    for cookie in others {
                        try router.opened.end(
                            ConnectionID(descriptor: connection.descriptor, cookie: cookie), .tooMuchUnread)
                    }
                }
            }
            let other = TakenBytes()
            for connection in open { connectionGuard.end(connection, of: other, .tooMuchUnread) }
            try await peer.sendAll(1..<2) { numbered($0) }
            try await eventually("another echo") { await peer.received.count == 2 }
            #expect(connectionGuard.endedConnections.isEmpty)
            try await router.perform { router in
                for connection in open { try router.opened.end(connection, .tooMuchUnread) }
            }
            try await eventually("its end") { await peer.events.contains(.disconnected) }
            #expect(connectionGuard.endedConnections == [.tooMuchUnread: 1])
        }
    }

    @Test(arguments: [true, false])
    func `a connection is known, and may be ended, before its guard has heard of it`(isEndedBefore: Bool) async throws {
        try await onStage { stage in
            let guardLoop = try stage.loop("guard")
            let connectionGuard = ConnectionGuard(on: guardLoop)
            let router = Peer(on: try stage.loop("socket"))
            try await router.open(.router)
            try await router.perform { try $0.opened.guardConnections(by: connectionGuard, limits: ConnectionLimits()) }
            let endpoint = try await router.bind(Transport.tcp.newEndpoint)
            await router.pause()
            let held = DispatchSemaphore(value: 0)
            defer { held.signal() }
            guardLoop.perform { held.wait() }
            let peer = try await stage.peer(.dealer, isWatched: true)
            try await peer.connect(endpoint)
            try await peer.sendAll(0..<1) { numbered($0) }
            let received = Mutex<ConnectionID?>(nil)
            try await eventually("its message") {
                let connection = try await router.perform { router in
                    let socket = try router.opened
                    return try socket.receive { socket.connection($0.connection) }
                }
                received.withLock { $0 = connection }
                return connection != nil
            }
            let connection = try #require(received.withLock { $0 })
            if isEndedBefore { try await router.perform { try $0.opened.end(connection, .notAdmitted) } }
            held.signal()
            // By then the guard has heard of it.
            for _ in 0..<3 { await withCheckedContinuation { turn in guardLoop.perform { turn.resume() } } }
            if !isEndedBefore {
                #expect(try await router.perform { try $0.opened.isOpen(connection) })
                try await router.perform { try $0.opened.end(connection, .notAdmitted) }
            }
            try await eventually("its end") { await peer.events.contains(.disconnected) }
            #expect(connectionGuard.endedConnections == [.notAdmitted: 1])
            try await eventually("it is not open") {
                try await router.perform { try !$0.opened.isOpen(connection) }
            }
        }
    }

    @Test func `a peer that sends more than its allowance is ended`() async throws {
        var limits = ConnectionLimits()
        limits.allowance = (atOnce: 10_000, perSecond: 1)
        try await onGuardedStage(limits) { stage, _, endpoint, connectionGuard in
            let peer = try await stage.peer(.dealer, roomy, isWatched: true)
            try await peer.connect(endpoint)
            try await peer.sendAll(0..<1) { numbered($0, size: 5000) }
            try await eventually("the echo") { await peer.received.count == 1 }
            #expect(connectionGuard.endedConnections.isEmpty)
            try await peer.sendAll(0..<1) { numbered($0, size: 6000) }
            try await eventually("its end") { await peer.events.contains(.disconnected) }
            #expect(connectionGuard.endedConnections[.tooMuchSent] == 1)
        }
    }

    @Test func `of too many connections a silent one is ended, and not those that talk`() async throws {
        var limits = ConnectionLimits()
        limits.maxConnections = 2
        try await onGuardedStage(limits) { stage, _, endpoint, connectionGuard in
            let silent = try await stage.peer(.dealer, isWatched: true)
            try await silent.connect(endpoint)
            try await eventually("the first") { await silent.events == [.connected] }
            // Kept, for their sockets end with them.
            var talking: [Peer] = []
            for _ in 0..<2 {
                let peer = try await stage.peer(.dealer, isWatched: true)
                talking.append(peer)
                try await peer.connect(endpoint)
                try await peer.sendAll(0..<1) { numbered($0) }
                try await eventually("an echo") { await peer.received.count >= 1 }
            }
            try await eventually("the end of the silent one") { await silent.events.contains(.disconnected) }
            #expect(connectionGuard.endedConnections[.tooManyConnections] ?? 0 >= 1)
            for peer in talking { #expect(await peer.events == [.connected]) }
        }
    }

    @Test func `a meter counts what libzmq holds, and nothing once it is sent or dropped`() async throws {
        try await onStage { stage in
            let total = SendMeter()
            let meter = SendMeter(partOf: total)
            let (one, other) = (try await stage.peer(.dealer, roomy), try await stage.peer(.dealer, roomy))
            try await other.connect(one.bind(Transport.tcp.newEndpoint))
            try await eventually("sending") {
                try await one.perform { try $0.opened.send([[1], [2, 3]], metered: (by: meter, bytes: 100)) == .sent }
            }
            try await eventually("it has arrived") { await other.received == [[[1], [2, 3]]] }
            try await eventually("it is let go") { meter.bytes == 0 && total.bytes == 0 }
            let lonely = try await stage.peer(.dealer)
            let result = try await lonely.perform {
                try $0.opened.send([[UInt8](repeating: 1, count: 1000)], metered: (by: meter, bytes: 1000))
            }
            #expect(result == .wouldBlock)
            #expect(meter.bytes == 0 && total.bytes == 0)
        }
    }
}

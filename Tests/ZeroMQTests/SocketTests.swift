import Glibc
import TestSupport
import Testing
import ZeroMQ

@Suite("One socket", .timeLimit(.minutes(1)))
struct SocketTests {
    @Test(arguments: SocketRole.allCases)
    func everyRoleCanBeMade(_ role: SocketRole) async throws {
        try await onStage { stage in
            let peer = try await stage.peer(role, isWatched: true)
            #expect(try await peer.perform { try $0.opened.role } == role)
            #expect(try await peer.counters.received == 0)
        }
    }

    @Test(arguments: ["tcp://127.0.0.1:0", "tcp://127.0.0.1:*"])
    func bindingReturnsTheEndpointThatTheSystemChose(_ endpoint: String) async throws {
        try await onStage { stage in
            let router = try await stage.peer(.router)
            let bound = try await router.bind(endpoint)
            let port = try #require(bound.split(separator: ":").last.flatMap { Int($0) })
            #expect(port > 0 && bound == "tcp://127.0.0.1:\(port)")
        }
    }

    @Test func refusalsSayWhatAndWhy() async throws {
        try await onStage { stage in
            let (router, other) = (try await stage.peer(.router), try await stage.peer(.router))
            let endpoint = try await router.bind(Transport.tcp.newEndpoint)
            let error = await #expect(throws: ZeroMQError.self) { _ = try await other.bind(endpoint) }
            #expect(error?.number == EADDRINUSE)
            #expect(error?.description == "cannot bind \(endpoint): Address already in use")
            await #expect(throws: ZeroMQError.self) { try await other.connect("nonsense") }
            await #expect(throws: ZeroMQError.self) { try await other.subscribe("a|") }
        }
    }

    @Test func optionsThatCouldHangOrHoldNothingAreRefused() async throws {
        try await onStage { stage in
            var endless = SocketOptions()
            endless.lingerMilliseconds = -1
            var empty = SocketOptions()
            empty.maxFrames = 0
            var negative = SocketOptions()
            negative.sendQueue = -1
            // Without a domain libzmq would let peers in that have no handshake.
            var open = SocketOptions()
            open.domain = ""
            for options in [endless, empty, negative, open] {
                let error = await #expect(throws: ZeroMQError.self) { _ = try await stage.peer(.dealer, options) }
                #expect(error?.number == EINVAL)
            }
        }
    }

    @Test func optionsAreComparedWhole() {
        #expect(SocketOptions() == SocketOptions())
        let changes: [(inout SocketOptions) -> Void] = [
            { $0.sendQueue = 1 }, { $0.receiveQueue = 1 }, { $0.lingerMilliseconds = 1 }, { $0.largestFrame = 1 },
            { $0.maxFrames = 1 }, { $0.reconnectMilliseconds.first = 1 }, { $0.reconnectMilliseconds.longest = 1 },
            { $0.deadPeerMilliseconds = nil }, { $0.backlog = 1 }, { $0.maxMessageBytes = 1 }, { $0.domain = "d" },
        ]
        let all = changes.map { change in
            var options = SocketOptions()
            change(&options)
            return options
        }
        #expect(Set(all + [SocketOptions()]).count == changes.count + 1)
    }

    @Test func aClosedSocketBringsNothingMoreAndSaysSo() async throws {
        try await onStage { stage in
            let loop = try stage.loop()
            let router = try await stage.peer(.router, on: loop)
            let dealer = try await stage.peer(.dealer, on: loop)
            try await dealer.connect(router.bind(Transport.inproc.newEndpoint))
            try await dealer.perform { dealer in
                for number in 0..<10 { #expect(try dealer.send(numbered(number)) == .sent) }
                try router.assumeIsolated { router in
                    let socket = try router.opened
                    var seen = 0
                    // Closed while it hands a message over, and at once.
                    while try socket.receive({ _ in socket.close() }) != nil { seen += 1 }
                    #expect(seen == 1)
                    let error = #expect(throws: ZeroMQError.self) { try router.send([[1]]) }
                    #expect(error?.number == ENOTSOCK)
                    socket.close()
                }
            }
            // The endpoint is free again.
            #expect(await router.received.isEmpty)
        }
    }

    @Test func aWatchedSocketMayBeClosedByItsOwnHandlers() async throws {
        try await onStage { stage in
            let router = try await stage.peer(.router, isWatched: true)
            let endpoint = try await router.bind(Transport.tcp.newEndpoint)
            for _ in 0..<50 {
                let closer = Closer(on: try stage.loop())
                try await closer.open(endpoint)
                try await eventually("it closed itself") { await closer.isClosed }
            }
            try await eventually("all were seen to go") {
                await router.events.count { $0 == .disconnected } == 50
            }
        }
    }

    @Test func closingLetsGoOfAnOwnerThatItsOwnHandlerHolds() async throws {
        try await onStage { stage in
            weak var forgotten: Closer?
            let loop = try stage.loop()
            do {
                let closer = Closer(on: loop)
                forgotten = closer
                try await closer.open(Transport.inproc.newEndpoint, holdsItself: true)
            }
            #expect(forgotten != nil)
            await loop.close()
            try await eventually("it is gone") { forgotten == nil }
        }
    }

    @Test func aMessageIsNotAskedForWhileAnotherIsHandedOver() async {
        await #expect(processExitsWith: .failure) {
            try await onStage { stage in
                let loop = try stage.loop()
                let router = try await stage.peer(.router, on: loop)
                let dealer = try await stage.peer(.dealer, on: loop)
                try await dealer.connect(router.bind(Transport.inproc.newEndpoint))
                try await dealer.perform { dealer in
                    for number in 0..<10 { try dealer.send(numbered(number)) }
                    try router.assumeIsolated { router in
                        let socket = try router.opened
                        _ = try socket.receive { _ in try socket.receive { _ in } }
                    }
                }
            }
        }
    }
}

/// Closes its socket, and lets go of it, as soon as it is connected.
private actor Closer {
    nonisolated let loop: SocketLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }
    private var socket: Socket?
    private(set) var isClosed = false

    init(on loop: SocketLoop) { self.loop = loop }

    func open(_ endpoint: String, holdsItself: Bool = false) throws {
        let socket = try Socket(.dealer, on: loop)
        if holdsItself { socket.whenReadable { self.assumeIsolated { $0.close() } } }
        try socket.whenConnectionChanges { [weak self] _ in self?.assumeIsolated { $0.close() } }
        try socket.connect(endpoint)
        self.socket = socket
    }

    private func close() {
        socket?.close()
        socket = nil
        isClosed = true
    }
}

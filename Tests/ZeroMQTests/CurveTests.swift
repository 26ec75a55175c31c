import Synchronization
import TestSupport
import Testing

@testable import ZeroMQ

@Suite("Peers that prove themselves by keys", .timeLimit(.minutes(2)))
struct CurveTests {
    private static let serial = Atomic(0)

    /// A router that demands keys, in a domain of its own, and answers.
    private func onSecuredStage(
        admitting keys: Set<CurvePublicKey>, largestFrame: Int64? = nil,
        _ body: (Stage, KeyedEcho, String, CurvePublicKey, _ domain: String) async throws -> Void
    ) async throws {
        try await onStage { stage in
            let secret = try CurveSecretKey.generate()
            let domain = "test/\(Self.serial.add(1, ordering: .relaxed).newValue)"
            stage.context.admit(Admission(.holders(of: keys)), to: domain)
            var options = roomy
            options.domain = domain
            options.security = .curveServer(secret)
            if let largestFrame { options.largestFrame = largestFrame }
            let router = KeyedEcho(on: try stage.loop("router"))
            try await router.open(options)
            try await body(stage, router, router.bind(Transport.tcp.newEndpoint), secret.publicKey, domain)
        }
    }

    private func client(_ secret: CurveSecretKey, of server: CurvePublicKey) -> SocketOptions {
        var options = roomy
        options.security = .curveClient(secret, server: server)
        return options
    }

    @Test func `who holds a key that is admitted is answered, and each message tells whose it is`() async throws {
        let (one, two) = (try CurveSecretKey.generate(), try CurveSecretKey.generate())
        try await onSecuredStage(admitting: [one.publicKey, two.publicKey]) { stage, router, endpoint, server, _ in
            for secret in [one, two] {
                let peer = try await stage.peer(.dealer, client(secret, of: server), isWatched: true)
                try await peer.connect(endpoint)
                try await peer.sendAll(0..<10) { numbered($0, size: 300 * $0) }
                try await eventually("10 answers") { await peer.received.count == 10 }
                #expect(await peer.events == [.connected])
            }
            #expect(
                await router.senders
                    == [CurvePublicKey](repeating: one.publicKey, count: 10)
                    + [CurvePublicKey](repeating: two.publicKey, count: 10))
        }
    }

    @Test func `without keys no message tells of one`() async throws {
        try await onStage { stage in
            let router = KeyedEcho(on: try stage.loop("router"))
            try await router.open(roomy)
            let peer = try await stage.peer(.dealer)
            try await peer.connect(router.bind(Transport.tcp.newEndpoint))
            try await peer.sendAll(0..<1) { numbered($0) }
            try await eventually("an answer") { await peer.received.count == 1 }
            #expect(await router.senders == [nil])
        }
    }

    @Test func `a stranger is told that it is refused, and reported with its key`() async throws {
        let (known, stranger) = (try CurveSecretKey.generate(), try CurveSecretKey.generate())
        try await onSecuredStage(admitting: [known.publicKey]) { stage, router, endpoint, server, domain in
            let refused = Mutex<[RefusedPeer]>([])
            stage.context.whenRefused { peer in refused.withLock { $0.append(peer) } }
            let peer = try await stage.peer(.dealer, client(stranger, of: server), isWatched: true)
            try await peer.connect(endpoint)
            _ = try await peer.send([[1]])
            try await eventually("it is told") { await peer.events.contains(.handshakeFailed(.refused)) }
            #expect(await !peer.events.contains(.connected))
            #expect(await router.senders.isEmpty)
            let expected = RefusedPeer(domain: domain, address: "127.0.0.1", key: stranger.publicKey)
            try await eventually("it is reported") { refused.withLock { $0.contains(expected) } }
        }
    }

    @Test func `who expects another key of the server than it has sends it nothing`() async throws {
        let secret = try CurveSecretKey.generate()
        try await onSecuredStage(admitting: [secret.publicKey]) { stage, router, endpoint, _, _ in
            let peer = try await stage.peer(
                .dealer, client(secret, of: try CurveSecretKey.generate().publicKey), isWatched: true)
            try await peer.connect(endpoint)
            _ = try await peer.send([[1]])
            try await eventually("the handshake fails") { await peer.events.contains(.handshakeFailed(.ended)) }
            #expect(await !peer.events.contains(.connected))
            #expect(await router.senders.isEmpty)
        }
    }

    @Test func `a peer without keys and a server without keys are told what is missing`() async throws {
        let secret = try CurveSecretKey.generate()
        try await onSecuredStage(admitting: [secret.publicKey]) { stage, router, endpoint, server, _ in
            let plain = try await stage.peer(.dealer, isWatched: true)
            try await plain.connect(endpoint)
            try await eventually("the handshake fails") {
                await plain.events.contains(.handshakeFailed(.otherMechanism))
            }
            #expect(await !plain.events.contains(.connected))
            #expect(await router.senders.isEmpty)
            let open = try await stage.peer(.router, roomy, .echo)
            let keyed = try await stage.peer(.dealer, client(secret, of: server), isWatched: true)
            try await keyed.connect(open.bind(Transport.tcp.newEndpoint))
            try await eventually("the handshake fails") {
                await keyed.events.contains(.handshakeFailed(.otherMechanism))
            }
            #expect(await open.received.isEmpty)
        }
    }

    @Test func `who is admitted can change at any time`() async throws {
        let (one, two) = (try CurveSecretKey.generate(), try CurveSecretKey.generate())
        try await onSecuredStage(admitting: [one.publicKey]) { stage, _, endpoint, server, domain in
            func isAdmitted(_ secret: CurveSecretKey) async throws -> Bool {
                let peer = try await stage.peer(.dealer, client(secret, of: server), isWatched: true)
                try await peer.connect(endpoint)
                try await eventually("an end of the handshake") { await !peer.events.isEmpty }
                let events = await peer.events
                await peer.close()
                return events.first == .connected
            }
            for admitted in [one.publicKey, two.publicKey, nil] {
                stage.context.admit(Admission(.holders(of: Set([admitted].compactMap(\.self)))), to: domain)
                let answers = [try await isAdmitted(one), try await isAdmitted(two)]
                #expect(answers == [admitted == one.publicKey, admitted == two.publicKey])
            }
        }
    }

    @Test func `a publisher tells whose a subscription is, and gives a stranger nothing`() async throws {
        let (known, stranger) = (try CurveSecretKey.generate(), try CurveSecretKey.generate())
        try await onStage { stage in
            let secret = try CurveSecretKey.generate()
            stage.context.admit(Admission(.holders(of: [known.publicKey])), to: "test/publisher")
            var options = roomy
            options.domain = "test/publisher"
            options.security = .curveServer(secret)
            let publisher = KeyedEcho(on: try stage.loop("publisher"), answers: false)
            try await publisher.open(options, as: .publisher)
            let endpoint = try await publisher.bind(Transport.tcp.newEndpoint)
            let reader = try await stage.peer(.subscriber, client(known, of: secret.publicKey))
            let other = try await stage.peer(.subscriber, client(stranger, of: secret.publicKey), isWatched: true)
            for peer in [reader, other] {
                try await peer.subscribe("")
                try await peer.connect(endpoint)
            }
            try await eventually("a subscription") { await publisher.senders == [known.publicKey] }
            try await eventually("a refusal") { await other.events.contains(.handshakeFailed(.refused)) }
            try await publisher.publish([[1, 2, 3]])
            try await eventually("what is published") { await reader.received == [[[1, 2, 3]]] }
            #expect(await other.received.isEmpty)
        }
    }

    @Test func `the largest frame is as large as without keys`() async throws {
        let secret = try CurveSecretKey.generate()
        try await onSecuredStage(admitting: [secret.publicKey], largestFrame: 1000) { stage, _, endpoint, server, _ in
            let peer = try await stage.peer(.dealer, client(secret, of: server), isWatched: true)
            try await peer.connect(endpoint)
            try await peer.sendAll(0..<1) { numbered($0, size: 1000) }
            try await eventually("an answer") { await peer.received.count == 1 }
            try await peer.sendAll(0..<1) { numbered($0, size: 1001) }
            try await eventually("an end") { await peer.events.contains(.disconnected) }
        }
    }

    @Test func `what encryption adds to messages is not taken for bytes that wait`() async throws {
        let secret = try CurveSecretKey.generate()
        var limits = ConnectionLimits()
        limits.maxWaitingBytes = 40_000
        try await onSecuredStage(admitting: [secret.publicKey]) { stage, router, _, server, _ in
            let connectionGuard = ConnectionGuard(on: try stage.loop("guard"))
            try await router.guardConnections(by: connectionGuard, limits)
            let endpoint = try await router.bind(Transport.tcp.newEndpoint)
            let peer = try await stage.peer(.dealer, client(secret, of: server), isWatched: true)
            try await peer.connect(endpoint)
            // Frames whose heads have another length than without encryption are among them.
            for round in 0..<100 {
                try await peer.sendAll(100 * round..<100 * (round + 1)) { numbered($0, size: 180 + round) }
                try await eventually("the answers") { await peer.received.count == 100 * (round + 1) }
            }
            #expect(connectionGuard.endedConnections.isEmpty)
            #expect(await peer.events == [.connected])
        }
    }
}

/// A socket that sends messages back and keeps whose they were.
private actor KeyedEcho {
    nonisolated let loop: SocketLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private(set) var senders: [CurvePublicKey?] = []
    private let answers: Bool
    private var socket: Socket?

    init(on loop: SocketLoop, answers: Bool = true) {
        self.loop = loop
        self.answers = answers
    }

    func open(_ options: SocketOptions, as role: SocketRole = .router) throws {
        let socket = try Socket(role, options: options, on: loop)
        socket.whenReadable { [weak self] in self?.assumeIsolated { $0.receive() } }
        self.socket = socket
    }

    func guardConnections(by connectionGuard: ConnectionGuard, _ limits: ConnectionLimits) throws {
        try socket?.guardConnections(by: connectionGuard, limits: limits)
    }

    func bind(_ endpoint: String) throws -> String { try socket?.bind(endpoint) ?? "" }

    func publish(_ message: Message) throws { _ = try socket?.send(message) }

    private func receive() {
        do {
            while let message = try socket?.receive({ frames in
                senders.append(frames.senderKey)
                return (0..<frames.count).map { frames.copy($0) }
            }) {
                if answers { _ = try socket?.send(message) }
            }
        } catch {
            Issue.record("\(error)")
        }
    }
}

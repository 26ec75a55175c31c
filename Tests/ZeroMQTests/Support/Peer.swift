import TestSupport
import ZeroMQ

typealias Message = [[UInt8]]

/// An actor that owns one socket and is pinned to its loop, as the services have it.
actor Peer {
    enum Behaviour: Sendable {
        /// Keeps every message.
        case collect
        /// Sends every message back, and keeps it.
        case echo
    }

    nonisolated let loop: SocketLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private(set) var received: [Message] = []
    private(set) var events: [ConnectionEvent] = []
    private(set) var errors: [String] = []
    private var socket: Socket?
    private let behaviour: Behaviour
    /// So that other work has its turn, as the services do it.
    private let mostPerTurn: Int

    init(on loop: SocketLoop, _ behaviour: Behaviour = .collect, mostPerTurn: Int = 256) {
        self.loop = loop
        self.behaviour = behaviour
        self.mostPerTurn = mostPerTurn
    }

    func open(_ role: SocketRole, _ options: SocketOptions = SocketOptions(), isWatched: Bool = false) throws {
        let socket = try Socket(role, options: options, on: loop)
        socket.whenReadable { [weak self] in self?.assumeIsolated { $0.receive() } }
        self.socket = socket
        if isWatched { try watch() }
    }

    func watch() throws {
        try opened.whenConnectionChanges { [weak self] event in
            self?.assumeIsolated { $0.events.append(event) }
        }
    }

    var counters: Socket.Counters { get throws { try opened.counters } }

    func bind(_ endpoint: String) throws -> String { try opened.bind(endpoint) }

    /// Binds as soon as the system lets go of the endpoint: libzmq closes a socket in the background.
    func bindAgain(_ endpoint: String) async throws {
        try await eventually("binding \(endpoint) again") { (try? bind(endpoint)) != nil }
    }

    func connect(_ endpoint: String) throws { try opened.connect(endpoint) }

    func subscribe(_ prefix: String) throws { try opened.subscribe(Array(prefix.utf8)) }

    @discardableResult
    func send(_ message: Message) throws -> Socket.SendResult { try opened.send(message) }

    /// Sends until one message is refused, or all are sent; returns how many were.
    func sendUntilRefused(_ messages: Range<Int>, _ message: @Sendable (Int) -> Message) throws -> Int {
        for number in messages {
            guard try send(message(number)) == .sent else { return number - messages.lowerBound }
        }
        return messages.count
    }

    /// Sends every message in order, each as soon as there is somebody to take it.
    func sendAll(_ messages: Range<Int>, _ message: @Sendable (Int) -> Message) async throws {
        for number in messages {
            try await eventually("sending message \(number)") { try send(message(number)) == .sent }
        }
    }

    func pause() { socket?.isPaused = true }

    func resume() { socket?.isPaused = false }

    func close() { socket?.close() }

    /// Lets go of the socket without closing it.
    func drop() { socket = nil }

    func forget() {
        received = []
        events = []
    }

    /// Runs on the loop's thread.
    func perform<Result: Sendable>(_ body: @Sendable (isolated Peer) throws -> Result) rethrows -> Result {
        try body(self)
    }

    var opened: Socket {
        get throws {
            guard let socket else { throw TooLate(description: "the peer has no socket any more") }
            return socket
        }
    }

    private func receive() {
        guard let socket else { return }
        do {
            for _ in 0..<mostPerTurn {
                guard let message = try socket.receive({ frames in (0..<frames.count).map { frames.copy($0) } }) else {
                    return
                }
                received.append(message)
                if case .echo = behaviour, try socket.send(message) != .sent { errors.append("an echo was refused") }
            }
        } catch {
            errors.append("\(error)")
        }
    }
}

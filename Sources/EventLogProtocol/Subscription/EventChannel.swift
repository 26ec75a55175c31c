internal import ZeroMQ

/// A subscription to all that one service of the log publishes; it connects by itself, again after every loss.
///
/// Not Sendable: it belongs to an actor on its loop. Each service has a socket of its own, since one that does not accept this
/// peer costs the socket.
final class EventChannel {
    private let loop: SocketLoop
    private let endpoint: String
    private let options: SocketOptions
    /// nil after a failed handshake, and once the channel is closed.
    private var socket: Socket?
    private var isClosed = false
    private var failedHandshakes = 0

    /// Is called on the loop's thread when messages may wait.
    var whenReadable: () -> Void = {}
    private(set) var isConnected = false
    /// Why the last handshake failed, if the two sides do not accept each other.
    private(set) var rejection: String?

    init(
        to endpoint: String, _ security: SocketSecurity, ofServices services: Int, on loop: SocketLoop
    ) throws(ZeroMQError) {
        self.loop = loop
        self.endpoint = endpoint
        var options = SocketOptions()
        options.maxMessageBytes = Int(options.largestFrame)
        // Subscriptions are messages too, sent in bulk at every reconnection: none may be lost.
        options.sendQueue = 0
        options.receiveQueue = 20_000
        options.security = security
        options.reconnectMilliseconds = EventLogAddress.reconnectMilliseconds(ofServices: services)
        self.options = options
        try connect()
    }

    /// Lends the next message; nil if none waits.
    func receive<Result>(_ body: (borrowing Frames) -> Result) throws -> Result? {
        try socket?.receive(body)
    }

    func close() {
        isClosed = true
        isConnected = false
        socket?.close()
        socket = nil
    }

    private func connect() throws(ZeroMQError) {
        let socket = try Socket(.subscriber, options: options, on: loop)
        try socket.whenConnectionChanges { [weak self] event in self?.connectionChanged(event) }
        try socket.subscribe([])
        socket.whenReadable { [weak self] in self?.whenReadable() }
        try socket.connect(endpoint)
        self.socket = socket
    }

    private func connectionChanged(_ event: ConnectionEvent) {
        switch event {
        case .connected:
            isConnected = true
            rejection = nil
            failedHandshakes = 0
        case .disconnected:
            // libzmq connects again by itself.
            isConnected = false
        case .handshakeFailed(let failure):
            isConnected = false
            failedHandshakes += 1
            // One that ends without a reason does not take back the reason of another attempt.
            rejection = failure.meaning(for: options.security, at: endpoint, failures: failedHandshakes) ?? rejection
            // libzmq may have stopped connecting, so the next attempt needs a socket of its own.
            socket?.close()
            socket = nil
            connectLater()
        }
    }

    private func connectLater() {
        let base = 20 << min(failedHandshakes, 5)
        loop.schedule(after: .milliseconds(Int.random(in: base...(2 * base)))) { [weak self] in
            guard let self, !isClosed, socket == nil else { return }
            // No descriptors left, perhaps: a later attempt may find some.
            do { try connect() } catch { connectLater() }
        }
    }
}

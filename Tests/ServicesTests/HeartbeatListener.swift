import EventLogProtocol
import EventSourcing
import ZeroMQ

/// A subscriber that notes what it receives.
actor HeartbeatListener {
    private let loop: SocketLoop
    private var socket: Socket?
    /// The positions of heartbeats, in the order of their arrival.
    private(set) var heartbeats: [UInt64] = []
    /// Their epochs.
    private(set) var epochs: Set<UInt64> = []
    /// The positions of events, in the order of their arrival.
    private(set) var events: [UInt64] = []

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(on loop: SocketLoop) { self.loop = loop }

    /// Subscribes to everything.
    func listen(at endpoint: String) throws {
        let socket = try Socket(.subscriber, on: loop)
        socket.whenReadable { [weak self] in self?.assumeIsolated { $0.receive() } }
        try socket.subscribe([])
        try socket.connect(endpoint)
        self.socket = socket
    }

    private func receive() {
        do {
            while let message = try socket?.receive({ frames in try PublishedMessage(frames) }) {
                switch message {
                case .event(let record, _): events.append(record.position)
                case .heartbeat(_, let position, _, let epoch):
                    heartbeats.append(position)
                    epochs.insert(epoch)
                }
            }
        } catch {
            heartbeats.append(.max)
        }
    }

    func close() async {
        socket?.close()
        await loop.close()
    }
}

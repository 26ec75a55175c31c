import EventLogProtocol
import ZeroMQ

/// A peer of the log that sends many requests before it takes the first reply.
actor LateReader {
    private let loop: SocketLoop
    private var socket: Socket?
    private var asked: UInt64 = 0
    private var taken: [(number: UInt64, reply: LogReply)] = []

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(on loop: SocketLoop) { self.loop = loop }

    /// Sends messages of requests, which are numbered from 1.
    func ask(_ messages: [[LogRequest]], at endpoint: String) async throws {
        var options = SocketOptions()
        options.receiveQueue = 4
        let socket = try Socket(.dealer, options: options, on: loop)
        self.socket = socket
        try socket.connect(endpoint)
        for message in messages {
            let frames = message.map { request in
                asked += 1
                return request.encoded(number: asked)
            }
            while try socket.send(frames) != .sent {
                // Not connected yet.
                try await Task.sleep(for: .milliseconds(5))
            }
        }
    }

    /// The replies in the order of their arrival, once there are as many as requests, or none came for half a minute.
    func replies() async throws -> [(number: UInt64, reply: LogReply)] {
        var lastCount = -1
        while taken.count < asked, taken.count > lastCount {
            lastCount = taken.count
            let deadline = ContinuousClock.now + .seconds(30)
            while taken.count == lastCount, .now < deadline {
                while let some = try socket?.receive({ frames in
                    // A message may carry several replies.
                    try (0..<frames.count).map { index in
                        try frames.withBytes(of: index) { (frame) throws -> (number: UInt64, reply: LogReply) in
                            let (reply, number) = try LogReply.decode(frame)
                            return (number, reply)
                        }
                    }
                }) {
                    taken += some
                }
                try await Task.sleep(for: .milliseconds(5))
            }
        }
        return taken
    }

    func close() async {
        socket?.close()
        await loop.close()
    }
}

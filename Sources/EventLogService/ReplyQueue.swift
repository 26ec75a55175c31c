internal import DequeModule
internal import EventLogProtocol
internal import EventSourcing
internal import ZeroMQ

/// Replies on their way to their requesters, each requester's in the order of its requests.
///
/// A reply that finds the queue to its requester full waits here and is offered again, for libzmq learns only from
/// time to time how much of a queue has been read. What a requester does not take in time, or what is too much for all
/// of them together, is dropped and counted; so one that does not read costs a bounded amount of memory, and the others
/// nothing.
///
/// Not Sendable: it belongs to the server whose socket it sends on.
final class ReplyQueue {
    /// A message carries at most this many replies, as it may carry at most this many requests.
    static let mostFrames = 64

    /// A message is ended where it has grown to so many bytes: queues count messages, and must mean something by it.
    private static let mostBytes = 256 << 10
    private static let mostWaitingBytes = 32 << 20
    /// What a frame takes in memory beside its bytes.
    private static let frameOverhead = 64
    private static let patience = Duration.seconds(5)
    private static let retryInterval = Duration.milliseconds(2)

    private struct Message {
        let frames: [[UInt8]]
        let bytes: Int
        let due: ContinuousClock.Instant
    }

    private let socket: Socket
    private let loop: SocketLoop
    private var collected: [[UInt8]: [[UInt8]]] = [:]
    private var collectedBytes = 0
    private var order: [[UInt8]] = []
    private var waiting: [[UInt8]: Deque<Message>] = [:]
    private var waitingBytes = 0
    private var isRetryScheduled = false

    /// Replies that were dropped: their requester is gone, or does not read.
    private(set) var undeliverable: UInt64 = 0

    init(on socket: Socket, loop: SocketLoop) {
        self.socket = socket
        self.loop = loop
    }

    /// Collects a reply; ``flush()`` sends it.
    func add(_ reply: LogReply, to peer: [UInt8], number: UInt64, logID: UniqueID) {
        add(reply.encoded(number: number, logID: logID), to: peer)
    }

    /// Collects a reply that is a frame already.
    func add(_ frame: [UInt8], to peer: [UInt8]) {
        if collected[peer] == nil { order.append(peer) }
        collectedBytes += frame.count
        collected[peer, default: []].append(frame)
    }

    /// Whether so much was collected that it should be sent before more is.
    var isFull: Bool { collectedBytes >= Self.mostBytes }

    /// Sends what was collected, in as few messages as possible, and waits for nobody.
    func flush() throws(ZeroMQError) {
        for peer in order {
            var rest = collected[peer, default: []][...]
            while !rest.isEmpty {
                let frames = Self.nextMessage(of: rest)
                rest = rest.dropFirst(frames.count)
                // Behind those that wait already, or the order would be lost.
                if waiting[peer] != nil {
                    wait(frames, for: peer)
                } else {
                    switch try socket.send([peer] + frames) {
                    case .sent: break
                    case .wouldBlock: wait(frames, for: peer)
                    case .unreachable: undeliverable += UInt64(frames.count)
                    }
                }
            }
        }
        order.removeAll(keepingCapacity: true)
        collected.removeAll(keepingCapacity: true)
        collectedBytes = 0
    }

    private static func nextMessage(of frames: ArraySlice<[UInt8]>) -> [[UInt8]] {
        var message: [[UInt8]] = []
        var bytes = 0
        for frame in frames.prefix(mostFrames) {
            guard message.isEmpty || bytes + frame.count <= mostBytes else { break }
            message.append(frame)
            bytes += frame.count
        }
        return message
    }

    private func wait(_ frames: [[UInt8]], for peer: [UInt8]) {
        let bytes = frames.reduce(0) { $0 + $1.count + Self.frameOverhead }
        guard waitingBytes + bytes <= Self.mostWaitingBytes else {
            undeliverable += UInt64(frames.count)
            return
        }
        waitingBytes += bytes
        waiting[peer, default: []].append(Message(frames: frames, bytes: bytes, due: .now + Self.patience))
        scheduleRetry()
    }

    private func scheduleRetry() {
        guard !isRetryScheduled, !waiting.isEmpty else { return }
        isRetryScheduled = true
        loop.schedule(after: Self.retryInterval) { [weak self] in self?.retry() }
    }

    private func retry() {
        isRetryScheduled = false
        let now = ContinuousClock.now
        for (peer, messages) in waiting {
            var messages = messages
            while let message = messages.first {
                let result: Socket.SendResult
                do {
                    result = try socket.send([peer] + message.frames)
                } catch {
                    // The socket was closed: nobody is left to be answered.
                    result = .unreachable
                }
                if result == .wouldBlock, message.due > now { break }
                if result != .sent { undeliverable += UInt64(message.frames.count) }
                waitingBytes -= message.bytes
                messages.removeFirst()
            }
            waiting[peer] = messages.isEmpty ? nil : messages
        }
        scheduleRetry()
    }
}

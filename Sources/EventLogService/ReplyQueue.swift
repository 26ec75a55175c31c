internal import DequeModule
internal import EventLogProtocol
internal import EventSourcing
internal import ZeroMQ

/// Replies on their way to their requesters, each requester's in the order of its requests.
///
/// A reply that finds the queue to its requester full waits here and is offered again, for libzmq learns only from
/// time to time how much of a queue has been read. What a requester does not take in time, or what is too much for it or
/// for all of them together, is dropped and counted; so one that does not read costs a bounded amount of memory, and the
/// others nothing. The bytes in libzmq's queues count too.
///
/// Not Sendable: it belongs to the server whose socket it sends on.
final class ReplyQueue {
    /// A message carries at most this many replies, as it may carry at most this many requests.
    static let maxFrames = 64

    /// The bytes that are on their way to one requester at most.
    static let maxBytesOfPeer = 8 << 20

    /// What is left of them for the short replies, which say what was recorded, or that nothing was done.
    private static let bytesForShortReplies = maxBytesOfPeer / 8
    /// The bytes that are collected for one requester at most, of replies that may be refusals instead: whoever is not
    /// backlogged has room for half of what is on its way to one at most.
    private static let maxBytesAtOnce = maxBytesOfPeer / 2 - bytesForShortReplies

    /// A message is ended if it reaches this limit: queues count messages, so the size of one must be bounded.
    private static let maxBytesOfAMessage = 256 << 10
    /// Smaller messages are not counted while libzmq has them: its queue bounds their number.
    private static let meteredFrom = 4 << 10
    /// What a frame takes in memory beside its bytes.
    private static let frameOverhead = 64
    private static let maxConnections = 1024
    private static let patience = Duration.seconds(5)
    private static let retryInterval = Duration.milliseconds(2)

    /// What the next flush sends to one requester.
    private struct Collected {
        private(set) var frames: [[UInt8]] = []
        private(set) var bytes = 0

        mutating func add(_ frame: [UInt8]) {
            frames.append(frame)
            bytes += frame.count
        }
    }

    private struct Message {
        let frames: [[UInt8]]
        let bytes: Int
        let due: ContinuousClock.Instant
    }

    /// What is on its way to one requester.
    private struct Backlog {
        /// What libzmq has.
        let inLibrary: SendMeter
        var waiting: Deque<Message> = []
        var waitingBytes = 0

        var bytes: Int { inLibrary.bytes + waitingBytes }
    }

    private let maxBytesInAll: Int
    private let socket: Socket
    private let loop: SocketLoop
    private let inLibrary = SendMeter()
    private var collected: [[UInt8]: Collected] = [:]
    private var collectedBytes = 0
    private var order: [[UInt8]] = []
    /// Only of requesters to whom much is on its way.
    private var backlogs: [[UInt8]: Backlog] = [:]
    private var waitingBytes = 0
    /// The connection that each requester's last message came over, of not too many of them.
    private var connections: [[UInt8]: ConnectionID] = [:]
    private var isRetryScheduled = false

    /// Replies that were dropped: their requester is gone, or does not read.
    private(set) var undeliverable: UInt64 = 0
    /// Called with the address of a requester that is gone.
    var whenGone: ([UInt8]) -> Void = { _ in }

    /// A queue for the replies of a socket.
    ///
    /// - Parameter maxBytesInAll: the bytes that libzmq has for all requesters, and as many that wait here; when libzmq
    ///   has so many, the requester with the most is disconnected.
    init(on socket: Socket, loop: SocketLoop, maxBytesInAll: Int) {
        self.maxBytesInAll = maxBytesInAll
        self.socket = socket
        self.loop = loop
    }

    /// Whether so much is on its way to a requester that its requests should not be answered now.
    ///
    /// - Parameter connection: the connection that they came over: it is ended if all replies together are too much, and
    ///   most of them are this requester's.
    func isBacklogged(_ peer: [UInt8], at descriptor: Int32) -> Bool {
        let connection = socket.connection(descriptor)
        let known = connections[peer]
        // An address that libzmq made belongs to one connection. What was received of it before it ended is no other's,
        // even if another has its descriptor by now.
        if known != connection, known == nil || !Self.isMadeByLibrary(peer) {
            if connections.count >= Self.maxConnections { connections = connections.filter { backlogs[$0.key] != nil } }
            connections[peer] = connection
        }
        return isBacklogged(peer)
    }

    /// Whether so much is on its way to a requester that its requests should not be answered now.
    func isBacklogged(_ peer: [UInt8]) -> Bool {
        guard !backlogs.isEmpty, let backlog = backlogs[peer] else { return false }
        return backlog.bytes >= Self.maxBytesOfPeer / 2
    }

    /// Collects a reply; ``flush()`` sends it.
    func add(_ reply: LogReply, to peer: [UInt8], number: UInt64, logID: UniqueID) {
        add(reply.encoded(number: number, logID: logID), to: peer)
    }

    /// Collects a reply that is a frame already.
    func add(_ frame: [UInt8], to peer: [UInt8]) {
        if collected[peer] == nil { order.append(peer) }
        collectedBytes += frame.count
        collected[peer, default: Collected()].add(frame)
    }

    /// Whether a reply of this size in bytes fits the requester's limit. If not, its request is to be refused: the
    /// reply would be dropped. Asked when the reply is made, since other replies may have been sent to the requester
    /// since its request was taken.
    func hasRoom(for bytes: Int, to peer: [UInt8]) -> Bool {
        let left = Self.maxBytesOfPeer - Self.bytesForShortReplies - (backlogs[peer]?.bytes ?? 0)
        return bytes <= min(Self.maxBytesAtOnce, left) - (collected[peer]?.bytes ?? 0)
    }

    /// Whether so much was collected that it should be sent before more is.
    var isFull: Bool { collectedBytes >= Self.maxBytesOfAMessage }

    /// Sends what was collected, in as few messages as possible, and waits for nobody.
    func flush() throws(ZeroMQError) {
        for peer in order {
            var rest = collected[peer, default: Collected()].frames[...]
            while !rest.isEmpty {
                let (frames, bytes) = Self.nextMessage(of: rest)
                rest = rest.dropFirst(frames.count)
                // Behind those that wait already, or the order would be lost.
                if let backlog = backlogs[peer], !backlog.waiting.isEmpty {
                    wait(frames, bytes, for: peer)
                } else {
                    switch try send(frames, bytes, to: peer) {
                    case .sent: break
                    case .wouldBlock: wait(frames, bytes, for: peer)
                    case .unreachable:
                        undeliverable += UInt64(frames.count)
                        forget(peer)
                    }
                }
            }
        }
        order.removeAll(keepingCapacity: true)
        collected.removeAll(keepingCapacity: true)
        collectedBytes = 0
        scheduleRetry()
    }

    private static func nextMessage(of frames: ArraySlice<[UInt8]>) -> (frames: [[UInt8]], bytes: Int) {
        var message: [[UInt8]] = []
        var bytes = 0
        for frame in frames.prefix(maxFrames) {
            guard message.isEmpty || bytes + frame.count <= maxBytesOfAMessage else { break }
            message.append(frame)
            bytes += frame.count
        }
        return (message, bytes)
    }

    private func send(_ frames: [[UInt8]], _ bytes: Int, to peer: [UInt8]) throws(ZeroMQError) -> Socket.SendResult {
        guard bytes >= Self.meteredFrom else { return try socket.send([peer] + frames) }
        let backlog = backlogs[peer] ?? Backlog(inLibrary: SendMeter(partOf: inLibrary))
        guard backlog.inLibrary.bytes + bytes <= Self.maxBytesOfPeer else { return .wouldBlock }
        guard inLibrary.bytes + bytes <= maxBytesInAll else {
            endLargest()
            return .wouldBlock
        }
        let result = try socket.send([peer] + frames, metered: (by: backlog.inLibrary, bytes: bytes))
        if result == .sent { backlogs[peer] = backlog }
        return result
    }

    private func wait(_ frames: [[UInt8]], _ messageBytes: Int, for peer: [UInt8]) {
        var backlog = backlogs[peer] ?? Backlog(inLibrary: SendMeter(partOf: inLibrary))
        let size = messageBytes + frames.count * Self.frameOverhead
        guard backlog.bytes + size <= Self.maxBytesOfPeer, waitingBytes + size <= maxBytesInAll else {
            undeliverable += UInt64(frames.count)
            return
        }
        waitingBytes += size
        backlog.waitingBytes += size
        backlog.waiting.append(Message(frames: frames, bytes: messageBytes, due: .now + Self.patience))
        backlogs[peer] = backlog
        scheduleRetry()
    }

    /// Ends the connection of the requester to whom most is on its way: what libzmq has for it is freed then.
    private func endLargest() {
        guard let peer = backlogs.max(by: { $0.value.bytes < $1.value.bytes })?.key, let connection = connections[peer]
        else { return }
        socket.end(connection, .tooMuchUnread)
    }

    /// Whether a requester has no address of its own: libzmq gives it 5 bytes, the first 0, and nobody else these.
    static func isMadeByLibrary(_ peer: [UInt8]) -> Bool { peer.count == 5 && peer[0] == 0 }

    private func forget(_ peer: [UInt8]) {
        connections[peer] = nil
        whenGone(peer)
    }

    private func scheduleRetry() {
        guard !isRetryScheduled, !backlogs.isEmpty else { return }
        isRetryScheduled = true
        loop.schedule(after: Self.retryInterval) { [weak self] in self?.retry() }
    }

    private func retry() {
        isRetryScheduled = false
        let now = ContinuousClock.now
        for peer in Array(backlogs.keys) {
            guard var backlog = backlogs.removeValue(forKey: peer) else { continue }
            while let message = backlog.waiting.first {
                let result: Socket.SendResult
                do {
                    result = try offer(message, to: peer, backlog.inLibrary)
                } catch {
                    // The socket was closed: nobody is left to be answered.
                    result = .unreachable
                }
                if result == .wouldBlock, message.due > now { break }
                if result != .sent { undeliverable += UInt64(message.frames.count) }
                let size = message.bytes + message.frames.count * Self.frameOverhead
                waitingBytes -= size
                backlog.waitingBytes -= size
                backlog.waiting.removeFirst()
                if result == .unreachable { forget(peer) }
            }
            if backlog.bytes > 0 { backlogs[peer] = backlog }
        }
        scheduleRetry()
    }

    private func offer(
        _ message: Message, to peer: [UInt8], _ meter: SendMeter
    ) throws(ZeroMQError) -> Socket.SendResult {
        guard meter.bytes + message.bytes <= Self.maxBytesOfPeer else { return .wouldBlock }
        guard inLibrary.bytes + message.bytes <= maxBytesInAll else {
            endLargest()
            return .wouldBlock
        }
        return try socket.send([peer] + message.frames, metered: (by: meter, bytes: message.bytes))
    }
}

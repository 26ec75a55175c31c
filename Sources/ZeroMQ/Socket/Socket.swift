internal import CZeroMQ
internal import Glibc

/// A ZeroMQ socket on a ``SocketLoop``.
///
/// Not Sendable: the actor that makes it, pinned to the loop, is the only one that can use it. No call waits.
public final class Socket {
    /// What became of a message that was offered for sending.
    public enum SendResult: Hashable, Sendable {
        /// libzmq took it.
        case sent
        /// Nobody is connected, or the queue to the peer is full: nothing was sent.
        case wouldBlock
        /// A router does not know the peer (any more): nothing was sent.
        case unreachable
    }

    /// What a socket counted since it was made.
    public struct Counters: Hashable, Sendable {
        /// Messages sent.
        public var sent: UInt64 = 0
        /// Messages received and handed over.
        public var received: UInt64 = 0
        /// Messages not sent because nobody was connected or the queue was full.
        public var refused: UInt64 = 0
        /// Messages not sent because the router did not know the peer.
        public var unreachable: UInt64 = 0
        /// Received messages dropped for having too many frames or bytes.
        public var oversized: UInt64 = 0
    }

    /// What the socket was made for.
    public let role: SocketRole
    /// What it was set to.
    public let options: SocketOptions
    /// What it has counted.
    public private(set) var counters = Counters()

    private let loop: SocketLoop
    private let core: SocketCore
    private let buffer: FrameBuffer
    private var connectionGuard: ConnectionGuard?

    /// Makes a socket on the loop's thread, with its options applied.
    ///
    /// - Throws: ``ZeroMQError`` where libzmq refuses an option or has no sockets or descriptors left.
    public init(_ role: SocketRole, options: SocketOptions = SocketOptions(), on loop: SocketLoop) throws(ZeroMQError) {
        loop.preconditionOnLoop()
        self.role = role
        self.options = options
        self.loop = loop
        let core = try SocketCore(role, context: loop.context)
        do {
            try options.apply(to: core, role: role)
        } catch {
            core.close()
            throw error
        }
        self.core = core
        buffer = FrameBuffer(capacity: options.maxFrames + (role == .router ? 1 : 0), security: options.security)
        loop.register(core)
    }

    deinit {
        // The last reference may go on any thread; closing happens on the loop's.
        loop.dispose(core)
    }

    /// Binds to an endpoint, such as `tcp://127.0.0.1:5570`; port 0 or `*` lets the system choose.
    ///
    /// - Returns: the endpoint as it was bound.
    @discardableResult
    public func bind(_ endpoint: String) throws(ZeroMQError) -> String {
        loop.preconditionOnLoop()
        // libzmq wants the wildcard where people write 0.
        let isAnyPort = endpoint.hasPrefix("tcp://") && endpoint.hasSuffix(":0")
        let wanted = isAnyPort ? endpoint.dropLast() + "*" : endpoint
        try allowIPv6(for: endpoint)
        guard zmq_bind(core.pointer, wanted) == 0 else { throw .last("bind \(endpoint)") }
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 1024) { text in
            var size = text.count
            guard zmq_getsockopt(core.pointer, ZMQ_LAST_ENDPOINT, text.baseAddress, &size) == 0,
                let start = text.baseAddress
            else { return endpoint }
            return String(cString: start)
        }
    }

    /// Connects to an endpoint, now or whenever somebody binds it, and again after every loss.
    public func connect(_ endpoint: String) throws(ZeroMQError) {
        loop.preconditionOnLoop()
        try allowIPv6(for: endpoint)
        guard zmq_connect(core.pointer, endpoint) == 0 else { throw .last("connect to \(endpoint)") }
    }

    /// libzmq reads an address in brackets only on a socket that is told to; on such a one it would bind IPv4 addresses to
    /// sockets of IPv6, so that others stay as they are.
    private func allowIPv6(for endpoint: String) throws(ZeroMQError) {
        if endpoint.hasPrefix("tcp://[") { try core.set(ZMQ_IPV6, 1) }
    }

    /// Subscribes to every message whose first frame begins with `prefix`; an empty one means every message.
    public func subscribe(_ prefix: [UInt8]) throws(ZeroMQError) {
        loop.preconditionOnLoop()
        guard zmq_setsockopt(core.pointer, ZMQ_SUBSCRIBE, prefix, prefix.count) == 0 else {
            throw .last("subscribe to \(String(decoding: prefix, as: UTF8.self))")
        }
    }

    /// Has `handler` called on the loop's thread whenever messages wait, until it has received them all or the socket
    /// is paused. It need not receive them all in one call, and under a flood should not: nothing else runs meanwhile.
    /// Capture the owning actor weakly: the socket keeps the handler.
    public func whenReadable(_ handler: @escaping () -> Void) {
        loop.preconditionOnLoop()
        core.onReadable = handler
    }

    /// Stops, or starts again, the reading of the socket. While it is paused, messages wait in its receive queue, and
    /// when that is full, in the sender's: the way to push back.
    public var isPaused: Bool {
        get { core.isPaused }
        set { core.isPaused = newValue }
    }

    /// Receives one message, if one waits, and lends it to `body`.
    ///
    /// A publisher receives each frame as a message of its own (``SocketRole/publisher``).
    ///
    /// - Returns: nil if no message waits. A message with too many frames or bytes is dropped, counted and passed over.
    public func receive<Result>(_ body: (borrowing Frames) throws -> Result) throws -> Result? {
        loop.preconditionOnLoop()
        precondition(buffer.count == 0, "a message was asked for while another is being handed over")
        while true {
            guard let pointer = core.pointer else { return nil }
            defer { buffer.clear() }
            guard try receiveFrames(from: pointer) else {
                core.taken?.noteDrained()
                return nil
            }
            if role != .publisher, buffer.hasMore || isTooLarge {
                try dropRest(from: pointer)
                counters.oversized += 1
                continue
            }
            if let taken = core.taken { taken.add(wireBytes, from: buffer.connection) }
            counters.received += 1
            return try body(Frames(buffer))
        }
    }

    /// Sends a message whole or not at all.
    ///
    /// - Parameter metered: a meter that counts the message until libzmq has sent or dropped it, and what it counts for.
    /// - Throws: ``ZeroMQError`` where the socket is closed or libzmq refuses for another reason than a peer's.
    @discardableResult
    public func send(
        _ frames: some Collection<[UInt8]>, metered: (by: SendMeter, bytes: Int)? = nil
    ) throws(ZeroMQError) -> SendResult {
        precondition(!frames.isEmpty, "a message has at least one frame")
        var rest = frames.count
        for frame in frames {
            rest -= 1
            let result = try sendFrame(
                byteCount: frame.count, more: rest > 0, metered: rest == 0 ? metered : nil
            ) { bytes in
                bytes.copyBytes(from: frame)
            }
            guard result == .sent else { return result }
        }
        return .sent
    }

    /// Sends one frame that `fill` writes straight into libzmq's memory.
    ///
    /// Only the first frame of a message can be refused; once it is sent, its others must follow (`more`).
    ///
    /// - Parameter metered: what the whole message costs; the meter is told when libzmq has let go of this frame.
    public func sendFrame(
        byteCount: Int, more: Bool, metered: (by: SendMeter, bytes: Int)? = nil,
        _ fill: (UnsafeMutableRawBufferPointer) -> Void
    ) throws(ZeroMQError) -> SendResult {
        loop.preconditionOnLoop()
        guard let pointer = core.pointer else { throw ZeroMQError(number: ENOTSOCK, operation: "send") }
        var message = zmq_msg_t()
        let isMade =
            if let metered {
                MeteredMemory.initialize(&message, byteCount: byteCount, metered.by, metered.bytes)
            } else {
                zmq_msg_init_size(&message, byteCount) == 0
            }
        guard isMade else { throw .last("send \(byteCount) bytes") }
        fill(UnsafeMutableRawBufferPointer(start: zmq_msg_data(&message), count: byteCount))
        while true {
            if zmq_msg_send(&message, pointer, ZMQ_DONTWAIT | (more ? ZMQ_SNDMORE : 0)) >= 0 {
                if !more { counters.sent += 1 }
                return .sent
            }
            let number = zmq_errno()
            switch number {
            case EINTR:
                continue
            case EAGAIN:
                zmq_msg_close(&message)
                counters.refused += 1
                return .wouldBlock
            case EHOSTUNREACH:
                zmq_msg_close(&message)
                counters.unreachable += 1
                return .unreachable
            default:
                zmq_msg_close(&message)
                throw ZeroMQError(number: number, operation: "send")
            }
        }
    }

    /// Has `handler` called, on the loop's thread, for every connection made and lost. Once per socket, before it is
    /// bound or connected.
    public func whenConnectionChanges(_ handler: @escaping (ConnectionEvent) -> Void) throws(ZeroMQError) {
        loop.preconditionOnLoop()
        precondition(core.monitor == nil, "a socket's connections are already watched")
        core.monitor = try ConnectionMonitor.attach(to: core, on: loop, handler)
    }

    /// Has a guard watch the connections of the socket, and end those that exceed its limits. Once per socket, before it is
    /// bound.
    public func guardConnections(
        by connectionGuard: ConnectionGuard, limits: ConnectionLimits
    ) throws(ZeroMQError) {
        loop.preconditionOnLoop()
        precondition(core.monitor == nil && core.whenClosed == nil, "a socket's connections are already watched")
        let monitor = try ConnectionMonitor.open(for: core, in: loop.context, ConnectionMonitor.acceptance)
        let taken = TakenBytes()
        core.taken = taken
        core.whenClosed = connectionGuard.watch(monitor, limits, taken, of: loop)
        self.connectionGuard = connectionGuard
    }

    /// Has the guard of the socket end a connection, unless it has ended already.
    public func end(_ connection: ConnectionID, _ reason: ConnectionGuard.Reason) {
        loop.preconditionOnLoop()
        guard let taken = core.taken else { return }
        connectionGuard?.end(connection, of: taken, reason)
    }

    /// The connection of a guarded socket that has a descriptor (``Frames/connection``) at present.
    public func connection(_ descriptor: Int32) -> ConnectionID { ConnectionID(descriptor) }

    /// Whether a connection of a guarded socket has not ended, whether its guard knows of it yet or not.
    public func isOpen(_ connection: ConnectionID) -> Bool { connection.isOpen }

    /// Closes the socket; what waits to be sent still goes out within the linger. Nothing is received any more, and
    /// whatever sends on it is told that it is closed.
    public func close() {
        loop.preconditionOnLoop()
        loop.dispose(core)
    }

    /// Without a router's address frame.
    private var bodyBytes: Int {
        buffer.byteCount - (role == .router && buffer.count > 0 ? buffer.bytes(of: 0).count : 0)
    }

    private var isTooLarge: Bool { bodyBytes > options.maxMessageBytes }

    /// What the message took on the wire. A router's address frame is not sent.
    private var wireBytes: Int {
        buffer.wireBytes
            - (role == .router && buffer.count > 0 ? buffer.wireBytes(of: buffer.bytes(of: 0).count) : 0)
    }

    /// - Returns: false if no message waits.
    private func receiveFrames(from pointer: UnsafeMutableRawPointer) throws -> Bool {
        repeat {
            let result = buffer.receive(from: pointer)
            if result < 0 {
                switch zmq_errno() {
                case EINTR: continue
                // Amid a message too: a publisher's libzmq may keep frames to itself that it announced.
                case EAGAIN: return false
                default: throw ZeroMQError.last("receive")
                }
            }
            if role == .publisher { return true }
        } while buffer.hasRoom && !isTooLarge && (buffer.count == 0 || buffer.hasMore)
        return true
    }

    private func dropRest(from pointer: UnsafeMutableRawPointer) throws {
        let connection = core.taken == nil ? -1 : buffer.connection
        var bytes = wireBytes
        defer { core.taken?.add(bytes, from: connection) }
        guard buffer.hasMore else { return }
        // What was received goes first: the whole message must never be held here.
        buffer.clear()
        var message = zmq_msg_t()
        zmq_msg_init(&message)
        defer { zmq_msg_close(&message) }
        repeat {
            // All frames of a message arrive together, so none is waited for.
            while zmq_msg_recv(&message, pointer, ZMQ_DONTWAIT) < 0 {
                switch zmq_errno() {
                case EINTR: continue
                case EAGAIN: return
                default: throw ZeroMQError.last("receive")
                }
            }
            bytes += buffer.wireBytes(of: zmq_msg_size(&message))
        } while zmq_msg_more(&message) != 0
    }
}

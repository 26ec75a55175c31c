internal import CZeroMQ
internal import Glibc
internal import Synchronization

/// What happened to one of a socket's connections.
public enum ConnectionEvent: Hashable, Sendable {
    /// A peer is there and has shaken hands.
    case connected
    /// A connection is gone; this also follows ``handshakeFailed``.
    case disconnected
    /// A connection ended before both sides had shaken hands. A socket that connects may not try again by itself then:
    /// libzmq gives an endpoint up if the other side breaks the protocol, refuses, or wants another mechanism.
    case handshakeFailed(HandshakeFailure)
}

/// Why a handshake failed, as far as this side can tell.
public enum HandshakeFailure: Hashable, Sendable {
    /// The other side does not admit this one.
    case refused
    /// The other side speaks with another mechanism: with CURVE where this one does not, or without it.
    case otherMechanism
    /// The other side cannot prove to hold the key that it should have, or is no peer of ZeroMQ.
    case notUnderstood
    /// The other side ended the connection without a word; with CURVE this also is what it does if it has another key than
    /// this side expects.
    case ended

    /// From the event and its value, as libzmq reports them.
    init(event: Int32, value: Int32) {
        self =
            switch event {
            case ZMQ_EVENT_HANDSHAKE_FAILED_AUTH: .refused
            case ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL:
                value == ZMQ_PROTOCOL_ERROR_ZMTP_MECHANISM_MISMATCH ? .otherMechanism : .notUnderstood
            default: .ended
            }
    }
}

/// Reads the events that libzmq sends about a socket (`zmq_socket_monitor`, version 1 of the event format: a frame of
/// a 16-bit event and a 32-bit value in the machine's byte order, then a frame with the endpoint).
enum ConnectionMonitor {
    private static let serial = Atomic<UInt64>(0)

    /// Connections made and lost by those who connect and by those who accept.
    static let changes =
        ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
        | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH

    /// Connections accepted and lost, each with its descriptor.
    static let acceptance = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED

    static func attach(
        to core: SocketCore, on loop: SocketLoop, _ handler: @escaping (ConnectionEvent) -> Void
    ) throws(ZeroMQError) -> SocketCore {
        let monitor = try open(for: core, in: loop.context, changes)
        read(monitor) { event, value in
            switch event {
            case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: handler(.connected)
            case ZMQ_EVENT_DISCONNECTED: handler(.disconnected)
            default: handler(.handshakeFailed(HandshakeFailure(event: event, value: value)))
            }
        }
        loop.register(monitor)
        return monitor
    }

    /// Has libzmq report events about a socket, on the thread of its loop.
    ///
    /// - Returns: the socket that they arrive at. It must not be closed before the reports were ended, or libzmq would
    ///   wait for it.
    static func open(
        for core: SocketCore, in context: Context, _ events: Int32
    ) throws(ZeroMQError) -> SocketCore {
        let endpoint = "inproc://monitor-\(serial.add(1, ordering: .relaxed).newValue)"
        let monitor = try SocketCore(.pair, context: context)
        do throws(ZeroMQError) {
            try monitor.set(ZMQ_LINGER, 0)
            // No bound: on a full queue libzmq's I/O thread would wait for this end, and closing the socket for both.
            try monitor.set(ZMQ_RCVHWM, 0)
            guard zmq_socket_monitor(core.pointer, endpoint, events) == 0 else { throw .last("monitor a socket") }
            guard zmq_connect(monitor.pointer, endpoint) == 0 else { throw .last("connect to \(endpoint)") }
        } catch {
            zmq_socket_monitor(core.pointer, nil, 0)
            monitor.close()
            throw error
        }
        return monitor
    }

    /// Has `handler` called for each report, with the event and its value.
    static func read(_ monitor: SocketCore, _ handler: @escaping (Int32, Int32) -> Void) {
        let buffer = FrameBuffer(capacity: 2)
        monitor.onReadable = { [unowned monitor] in
            while let pointer = monitor.pointer {
                defer { buffer.clear() }
                if buffer.receive(from: pointer) < 0 {
                    if zmq_errno() == EINTR { continue }
                    return
                }
                if buffer.hasMore { _ = buffer.receive(from: pointer) }
                let bytes = buffer.bytes(of: 0)
                guard bytes.count >= 6 else { continue }
                handler(
                    Int32(bytes.loadUnaligned(as: UInt16.self)),
                    Int32(truncatingIfNeeded: bytes.loadUnaligned(fromByteOffset: 2, as: UInt32.self)))
            }
        }
    }
}

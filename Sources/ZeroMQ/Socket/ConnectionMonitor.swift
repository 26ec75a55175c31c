internal import CZeroMQ
internal import Glibc
internal import Synchronization

/// What happened to one of a socket's connections.
public enum ConnectionEvent: Hashable, Sendable {
    /// A peer is there and has shaken hands.
    case connected
    /// A connection is gone; this also follows ``handshakeFailed``.
    case disconnected
    /// Somebody connected and could not shake hands: no ZeroMQ peer, or not of the right kind.
    case handshakeFailed
}

/// Reads the events that libzmq sends about a socket (`zmq_socket_monitor`, version 1 of the event format: a frame of
/// a 16-bit event and a 32-bit value in the machine's byte order, then a frame with the endpoint).
enum ConnectionMonitor {
    private static let serial = Atomic<UInt64>(0)

    static func attach(
        to core: SocketCore, on loop: SocketLoop, _ handler: @escaping (ConnectionEvent) -> Void
    ) throws(ZeroMQError) -> SocketCore {
        let endpoint = "inproc://monitor-\(serial.add(1, ordering: .relaxed).newValue)"
        let events =
            ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED | ZMQ_EVENT_HANDSHAKE_FAILED_NO_DETAIL
            | ZMQ_EVENT_HANDSHAKE_FAILED_PROTOCOL | ZMQ_EVENT_HANDSHAKE_FAILED_AUTH
        let monitor = try SocketCore(.pair, context: loop.context)
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
        let buffer = FrameBuffer(capacity: 2)
        monitor.onReadable = { [unowned monitor] in
            while let pointer = monitor.pointer {
                defer { buffer.clear() }
                if buffer.receive(from: pointer) < 0 {
                    if zmq_errno() == EINTR { continue }
                    return
                }
                if buffer.hasMore { _ = buffer.receive(from: pointer) }
                if let event = event(in: buffer.bytes(of: 0)) { handler(event) }
            }
        }
        loop.register(monitor)
        return monitor
    }

    private static func event(in bytes: UnsafeRawBufferPointer) -> ConnectionEvent? {
        guard bytes.count >= 6 else { return nil }
        switch Int32(bytes.loadUnaligned(as: UInt16.self)) {
        case ZMQ_EVENT_HANDSHAKE_SUCCEEDED: return .connected
        case ZMQ_EVENT_DISCONNECTED: return .disconnected
        default: return .handshakeFailed
        }
    }
}

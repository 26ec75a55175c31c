internal import CZeroMQ
internal import Glibc

/// The frames of the message that a socket is handing over. They are libzmq's own memory and go with the call that
/// lends them: copy what is to outlive it. (A copy also frees the 8 KiB receive buffer that a frame may pin.)
public struct Frames: ~Copyable {
    private let buffer: FrameBuffer

    init(_ buffer: FrameBuffer) { self.buffer = buffer }

    /// The number of frames.
    public var count: Int { buffer.count }

    /// Lends the bytes of one frame.
    ///
    /// - Precondition: `index` is in `0..<count`.
    public func withBytes<Result, Failure: Error>(
        of index: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try body(buffer.bytes(of: index))
    }

    /// The connection that the message came over: its descriptor, which a later connection may be given again; -1 if
    /// libzmq does not know it.
    public var connection: Int32 { buffer.connection }

    /// The key that the sender of the message proved to hold in its handshake; nil on a socket that does not demand one.
    public var senderKey: CurvePublicKey? { buffer.senderKey }

    /// A copy of one frame.
    public func copy(_ index: Int) -> [UInt8] { [UInt8](buffer.bytes(of: index)) }
}

/// Room for the frames of one message, used again for the next.
final class FrameBuffer {
    private let messages: UnsafeMutablePointer<zmq_msg_t>
    private let capacity: Int
    /// How the socket knows its peers.
    private let security: SocketSecurity
    private let overhead: Int
    private(set) var count = 0
    /// The bytes of all its frames.
    private(set) var byteCount = 0
    /// The same with the heads that the frames have on the wire (ZMTP 3.0).
    private(set) var wireBytes = 0

    init(capacity: Int, security: SocketSecurity = .none) {
        self.capacity = capacity
        self.security = security
        overhead = security.overhead
        messages = .allocate(capacity: capacity)
        for index in 0..<capacity { zmq_msg_init(messages + index) }
    }

    deinit {
        for index in 0..<capacity { zmq_msg_close(messages + index) }
        messages.deallocate()
    }

    var hasRoom: Bool { count < capacity }

    func bytes(of index: Int) -> UnsafeRawBufferPointer {
        precondition(index >= 0 && index < count, "a message has \(count) frames; frame \(index) was asked for")
        return UnsafeRawBufferPointer(start: zmq_msg_data(messages + index), count: zmq_msg_size(messages + index))
    }

    /// What a frame takes on the wire: flags and size, the size in 8 bytes if one is too small for it.
    func wireBytes(of frame: Int) -> Int { frame + overhead + (frame + overhead > 255 ? 9 : 2) }

    /// Receives into the next place.
    func receive(from socket: UnsafeMutableRawPointer) -> Int32 {
        let result = zmq_msg_recv(messages + count, socket, ZMQ_DONTWAIT)
        if result >= 0 {
            count += 1
            byteCount += Int(result)
            wireBytes += wireBytes(of: Int(result))
        }
        return result
    }

    /// Looked up once for each message: that costs about as much as an allocation.
    var connection: Int32 {
        if knownConnection == nil { knownConnection = count > 0 ? zmq_msg_get(messages + count - 1, ZMQ_SRCFD) : -1 }
        return knownConnection ?? -1
    }
    private var knownConnection: Int32?

    /// What the ZAP handler named the peer (``Admission``). Only where it is known to have been asked: what a peer says
    /// of itself in its handshake stands beside it under names of the peer's choice.
    var senderKey: CurvePublicKey? {
        guard case .curveServer = security, count > 0, let name = zmq_msg_gets(messages + count - 1, "User-Id") else {
            return nil
        }
        return CurvePublicKey(characters: UnsafeRawBufferPointer(start: name, count: strlen(name)))
    }

    /// Whether another frame of the same message follows the last one received.
    var hasMore: Bool { count > 0 && zmq_msg_more(messages + count - 1) != 0 }

    /// Gives the memory of the frames back to libzmq.
    func clear() {
        for index in 0..<count {
            zmq_msg_close(messages + index)
            zmq_msg_init(messages + index)
        }
        count = 0
        byteCount = 0
        wireBytes = 0
        knownConnection = nil
    }
}

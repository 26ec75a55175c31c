internal import CZeroMQ
internal import Glibc
internal import Synchronization

/// The ZAP handler of a context: a thread that libzmq asks about every peer before it lets the peer in.
///
/// It runs as long as its context, and before any socket can be bound. Since every socket has a domain and enforces it,
/// libzmq also refuses peers of ZMTP 1.0 and 2.0. Those have no handshake, and to libzmq the first bytes of an HTTP
/// request are a peer of ZMTP 1.0: a web page could otherwise send frames to a port on its reader's machine. If the
/// thread were gone, nobody would be let in.
final class Authenticator: Sendable {
    static let endpoint = "inproc://zeromq.zap.01"

    /// The most peers that wait because handshakes come too fast; beyond it the oldest is forgotten. libzmq ends its
    /// connection when the time for handshakes is over.
    private static let maxWaiting = 4096

    /// How long a handshake waits at most: a little less than libzmq gives it (``SocketOptions/handshakeMilliseconds``).
    private static let patience = Duration.milliseconds(SocketOptions.handshakeMilliseconds - 1000)

    /// Unchecked, because the pointer is handed once to the thread that uses it alone.
    private struct Handle: @unchecked Sendable {
        let pointer: UnsafeMutableRawPointer
    }

    private let admissions = Mutex<[String: Admission]>([:])
    private let report = Mutex<(@Sendable (RefusedPeer) -> Void)?>(nil)
    private let forgotten = Atomic<UInt64>(0)

    /// Handshakes that were not answered, because too many came.
    var forgottenHandshakes: UInt64 { forgotten.load(ordering: .relaxed) }

    /// Binds the handler's endpoint and starts its thread, which ends with the context.
    init(in context: UnsafeMutableRawPointer) throws(ZeroMQError) {
        guard let socket = zmq_socket(context, ZMQ_ROUTER) else { throw .last("make a ZeroMQ socket") }
        var zero: Int32 = 0
        zmq_setsockopt(socket, ZMQ_LINGER, &zero, MemoryLayout<Int32>.size)
        guard zmq_bind(socket, Self.endpoint) == 0 else {
            let error = ZeroMQError.last("bind \(Self.endpoint)")
            zmq_close(socket)
            throw error
        }
        let handle = Handle(pointer: socket)
        OSThread.start(name: "zmq-access") { self.run(on: handle.pointer) }
    }

    /// Sets who may connect to the sockets of a domain.
    func set(_ admission: Admission, for domain: String) {
        admissions.withLock { $0[domain] = admission }
    }

    /// Has `report` called, on the handler's thread, for each peer that is refused.
    func whenRefused(_ report: @escaping @Sendable (RefusedPeer) -> Void) {
        self.report.withLock { $0 = report }
    }

    // MARK: on the thread

    private func run(on socket: UnsafeMutableRawPointer) {
        var waiting = WaitingHandshakes(limit: Self.maxWaiting, patience: Self.patience)
        var rates = HandshakeRates()
        let buffer = FrameBuffer(capacity: 16)
        var item = zmq_pollitem_t(socket: socket, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0)
        while true {
            if zmq_poll(&item, 1, waiting.millisecondsToNext(at: .now)) < 0 {
                // Anything but a signal: the context ends.
                guard zmq_errno() == EINTR else { break }
            }
            while let request = Self.receive(from: socket, buffer) {
                guard let request else { continue }
                let admission = admissions.withLock { $0[request.domain] } ?? Admission()
                let verdict = rates.limit(admission.decide(request), of: request, admission, at: .now)
                switch verdict {
                case .admitted:
                    waiting.add(request.answer(verdict), in: request.domain, admission, at: .now)
                case .busy:
                    Self.send(request.answer(verdict), on: socket)
                case .refused:
                    Self.send(request.answer(verdict), on: socket)
                    report.withLock { $0 }?(
                        RefusedPeer(domain: request.domain, address: request.address, key: request.key))
                }
            }
            while let answer = waiting.next(at: .now) { Self.send(answer, on: socket) }
            forgotten.store(waiting.forgotten &+ rates.refused, ordering: .relaxed)
        }
        zmq_close(socket)
    }

    /// - Returns: nil if nothing waits; an empty optional for what is no request.
    private static func receive(
        from socket: UnsafeMutableRawPointer, _ buffer: FrameBuffer
    ) -> HandshakeRequest?? {
        buffer.clear()
        repeat {
            if buffer.receive(from: socket) < 0 {
                guard zmq_errno() == EINTR else { return nil }
            }
        } while buffer.hasRoom && (buffer.count == 0 || buffer.hasMore)
        // libzmq asks in fewer frames than fit; what would not fit is read, and ignored, as a question of its own.
        return .some(HandshakeRequest((0..<buffer.count).map { [UInt8](buffer.bytes(of: $0)) }))
    }

    private static func send(_ frames: [[UInt8]], on socket: UnsafeMutableRawPointer) {
        for (index, frame) in frames.enumerated() {
            let flags = ZMQ_DONTWAIT | (index + 1 < frames.count ? ZMQ_SNDMORE : 0)
            while zmq_send(socket, frame, frame.count, flags) < 0, zmq_errno() == EINTR {}
        }
    }
}

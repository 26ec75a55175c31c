internal import CZeroMQ
internal import Glibc
internal import Synchronization

/// A share in the one libzmq context of this process.
///
/// libzmq crashes at close where a process holds several contexts with CURVE (libzmq#4242), so there is never more
/// than one: the first share makes it, and closing the last share ends it. Sockets are made by a ``SocketLoop``.
public final class Context: Sendable {
    /// libzmq's context. Unchecked, because libzmq promises that a context may be used from any thread, which the type of
    /// a pointer cannot say (zmq_ctx_new(3), "Thread safety").
    private struct Handle: @unchecked Sendable {
        let pointer: UnsafeMutableRawPointer
    }

    private struct Shared {
        var context: Handle?
        var authenticator: Authenticator?
        var shares = 0
    }

    private static let shared = Mutex(Shared())

    private let isOpen = Mutex(true)

    /// Takes a share, and makes the context where this is the first.
    ///
    /// - Throws: ``ZeroMQError`` where the system has no file descriptors or threads left.
    public init() throws(ZeroMQError) {
        let failure: ZeroMQError? = Self.shared.withLock { shared in
            if shared.shares == 0 {
                guard let pointer = zmq_ctx_new() else { return .last("make a ZeroMQ context") }
                // Sockets that die by an exception path must not hold the process: each socket sets its own linger.
                zmq_ctx_set(pointer, ZMQ_BLOCKY, 0)
                do throws(ZeroMQError) {
                    // Before any socket can be bound: a domain without a handler would let nobody in.
                    shared.authenticator = try Authenticator(in: pointer)
                } catch {
                    zmq_ctx_term(pointer)
                    return error
                }
                shared.context = Handle(pointer: pointer)
            }
            shared.shares += 1
            return nil
        }
        if let failure { throw failure }
    }

    deinit {
        // Only where `close` was forgotten: the share ends here, and the context, if it was the last, without waiting.
        if let context = giveUpShare() { Self.terminate(context) {} }
    }

    /// Gives the share up. Closing the last one ends the context; that waits for what its sockets still have to send
    /// (their linger), on a thread of its own, and for no longer than `timeLimit`.
    ///
    /// - Returns: false where the time limit ran out; the context then ends by itself later, or with the process.
    @discardableResult
    public func close(timeLimit: Duration = .seconds(2)) async -> Bool {
        guard let context = giveUpShare() else { return true }
        let finished = Completion()
        Self.terminate(context) { finished.resolve(true) }
        let timer = Task {
            // Cancelled as soon as the context has ended.
            do { try await Task.sleep(for: timeLimit) } catch { return }
            finished.resolve(false)
        }
        let result = await finished.value()
        timer.cancel()
        return result
    }

    /// Sets who may connect to the sockets of a domain (``SocketOptions/domain``), in this process, from now on.
    public func admit(_ admission: Admission, to domain: String) {
        Self.shared.withLock { $0.authenticator }?.set(admission, for: domain)
    }

    /// Has `report` called for each peer that a domain does not admit; a later call takes the place of an earlier one. It is
    /// called on the thread that answers all handshakes, and must return at once.
    public func whenRefused(_ report: @escaping @Sendable (RefusedPeer) -> Void) {
        Self.shared.withLock { $0.authenticator }?.whenRefused(report)
    }

    /// How many handshakes were not answered in time because too many came (``Admission/maxHandshakesPerSecond``).
    public var forgottenHandshakes: UInt64 { Self.shared.withLock { $0.authenticator }?.forgottenHandshakes ?? 0 }

    /// Makes a raw socket; only a loop may, on its own thread.
    func makeSocket(_ type: Int32) throws(ZeroMQError) -> UnsafeMutableRawPointer {
        let made = Self.shared.withLock { shared -> Result<UnsafeMutableRawPointer, ZeroMQError> in
            // Under the mutex, so that the context cannot end in between.
            guard let context = shared.context else {
                return .failure(ZeroMQError(number: ETERM, operation: "make a ZeroMQ socket"))
            }
            guard let socket = zmq_socket(context.pointer, type) else { return .failure(.last("make a ZeroMQ socket")) }
            return .success(socket)
        }
        return try made.get()
    }

    private func giveUpShare() -> Handle? {
        let wasOpen = isOpen.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        guard wasOpen else { return nil }
        return Self.shared.withLock { shared in
            shared.shares -= 1
            guard shared.shares == 0 else { return nil }
            shared.authenticator = nil
            return shared.context.take()
        }
    }

    private static func terminate(_ context: Handle, then: @escaping @Sendable () -> Void) {
        OSThread.start(name: "zmq-terminate") {
            while zmq_ctx_term(context.pointer) != 0, zmq_errno() == EINTR {}
            then()
        }
    }
}

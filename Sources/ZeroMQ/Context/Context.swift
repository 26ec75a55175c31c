internal import CZeroMQ
internal import Glibc
internal import Synchronization

/// A share in the one libzmq context of this process.
///
/// libzmq crashes at close where a process holds several contexts with CURVE (libzmq#4242), so there is never more
/// than one: the first share makes it, and closing the last share ends it. Sockets are made by a ``SocketLoop``.
public final class Context: Sendable {
    private struct Shared: @unchecked Sendable {
        // libzmq's contexts may be used from any thread; the pointer itself is only touched under the mutex.
        var pointer: UnsafeMutableRawPointer?
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
                shared.pointer = pointer
            }
            shared.shares += 1
            return nil
        }
        if let failure { throw failure }
    }

    deinit {
        // Only where `close` was forgotten: the share ends here, and the context, if it was the last, without waiting.
        if let pointer = giveUpShare() { Self.terminate(pointer) {} }
    }

    /// Gives the share up. Closing the last one ends the context; that waits for what its sockets still have to send
    /// (their linger), on a thread of its own, and for no longer than `timeLimit`.
    ///
    /// - Returns: false where the time limit ran out; the context then ends by itself later, or with the process.
    @discardableResult
    public func close(timeLimit: Duration = .seconds(2)) async -> Bool {
        guard let pointer = giveUpShare() else { return true }
        let finished = Completion()
        Self.terminate(pointer) { finished.resolve(true) }
        let timer = Task {
            // Cancelled as soon as the context has ended.
            do { try await Task.sleep(for: timeLimit) } catch { return }
            finished.resolve(false)
        }
        let result = await finished.value()
        timer.cancel()
        return result
    }

    /// Makes a raw socket; only a loop may, on its own thread.
    func makeSocket(_ type: Int32) throws(ZeroMQError) -> UnsafeMutableRawPointer {
        let box = Self.shared.withLock { shared in
            // Under the mutex, so that the context cannot end in between.
            guard let context = shared.pointer else { return SocketBox(pointer: nil, number: ETERM) }
            return SocketBox(pointer: zmq_socket(context, type), number: zmq_errno())
        }
        guard let pointer = box.pointer else {
            throw ZeroMQError(number: box.number, operation: "make a ZeroMQ socket")
        }
        return pointer
    }

    private struct SocketBox: @unchecked Sendable {
        // Handed to the calling thread only.
        let pointer: UnsafeMutableRawPointer?
        let number: Int32
    }

    private struct ContextBox: @unchecked Sendable {
        // libzmq's contexts may be used from any thread.
        let pointer: UnsafeMutableRawPointer
    }

    private func giveUpShare() -> UnsafeMutableRawPointer? {
        let wasOpen = isOpen.withLock { isOpen in
            defer { isOpen = false }
            return isOpen
        }
        guard wasOpen else { return nil }
        let box: ContextBox? = Self.shared.withLock { shared in
            shared.shares -= 1
            guard shared.shares == 0, let pointer = shared.pointer else { return nil }
            shared.pointer = nil
            return ContextBox(pointer: pointer)
        }
        return box?.pointer
    }

    private static func terminate(_ pointer: UnsafeMutableRawPointer, then: @escaping @Sendable () -> Void) {
        let box = ContextBox(pointer: pointer)
        OSThread.start(name: "zmq-terminate") {
            while zmq_ctx_term(box.pointer) != 0, zmq_errno() == EINTR {}
            then()
        }
    }
}

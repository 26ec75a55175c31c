internal import CZeroMQ
internal import Glibc
internal import Synchronization

/// One thread that owns a set of ZeroMQ sockets, and runs everything that touches them.
///
/// A ZeroMQ socket that two threads use crashes the process. So a loop is a serial executor: an actor pinned to it
/// (its `unownedExecutor` is the loop's) may make and use sockets, and since ``Socket`` is not Sendable, the compiler
/// keeps them there. The thread waits in `zmq_poll` for its sockets, its timers and for work from other threads, which
/// wakes it through an eventfd; it never busy-waits and never waits on libzmq's edge-triggered `ZMQ_FD`.
///
/// The thread lives as long as the loop, so an actor pinned to it always makes progress; ``close()`` only closes the
/// sockets.
public final class SocketLoop: SerialExecutor {
    private let state: SocketLoopState

    /// Starts the thread.
    ///
    /// - Parameter name: the thread's name, for debuggers; Linux shows 15 bytes of it.
    /// - Throws: ``ZeroMQError`` where the system has no file descriptors left.
    public init(name: String, context: Context) throws(ZeroMQError) {
        let state = try SocketLoopState(context: context)
        self.state = state
        OSThread.start(name: name) { state.run() }
    }

    deinit { state.exit() }

    /// Closes every socket of the loop, on its thread. Whatever sends on one afterwards is told that it is closed.
    public func close() async {
        await withCheckedContinuation { continuation in
            state.perform {
                self.state.closeSockets()
                continuation.resume()
            }
        }
    }

    /// Whether the calling code runs on the loop's thread.
    public var isCurrent: Bool { state.isCurrent }

    /// Runs `body` on the loop's thread once `delay` has passed, unless the loop ends first. To be called on the
    /// loop's thread only.
    public func schedule(after delay: Duration, _ body: @escaping () -> Void) {
        preconditionOnLoop()
        state.schedule(after: delay, body)
    }

    /// Runs `body` once on the loop's thread as soon as the sockets that are ready now have been served: the place to
    /// deal in one go with what they brought. Where `body` asks again, that is for the next turn. To be called on the
    /// loop's thread only.
    public func afterThisTurn(_ body: @escaping () -> Void) {
        preconditionOnLoop()
        state.afterThisTurn.append(body)
    }

    /// Runs `body` on the loop's thread, from whichever thread; several in the order of the calls.
    public func perform(_ body: @escaping @Sendable () -> Void) { state.perform(body) }

    func register(_ socket: SocketCore) {
        preconditionOnLoop()
        state.sockets.append(socket)
    }

    var context: Context { state.context }

    func dispose(_ socket: SocketCore) {
        if isCurrent {
            state.close(socket)
        } else {
            state.perform { [state] in state.close(socket) }
        }
    }

    func preconditionOnLoop() {
        precondition(isCurrent, "a ZeroMQ socket or its loop's timer was used outside the loop's thread")
    }

    // MARK: SerialExecutor

    /// Runs a job of an actor that is pinned to the loop.
    public func enqueue(_ job: consuming ExecutorJob) {
        state.enqueue(UnownedJob(job), on: asUnownedSerialExecutor())
    }

    /// Ends the process unless the calling code runs on the loop's thread.
    public func checkIsolated() { preconditionOnLoop() }

    /// Whether the calling code runs on the loop's thread.
    public func isIsolatingCurrentContext() -> Bool? { isCurrent }
}

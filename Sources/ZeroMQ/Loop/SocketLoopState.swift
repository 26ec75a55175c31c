internal import CZeroMQ
internal import Glibc
internal import HeapModule
internal import Synchronization

/// What a loop's thread works with. The thread holds this and not the ``SocketLoop``, so that the loop can go away and
/// end the thread by it.
///
/// Unchecked, because everything but `inbox`, `wakeDescriptor` and `thread` belongs to the loop's thread alone;
/// ``SocketLoop`` checks that at every entry.
final class SocketLoopState: @unchecked Sendable {
    private enum Work {
        case job(UnownedJob, UnownedSerialExecutor)
        case call(@Sendable () -> Void)
    }

    private struct Inbox {
        var work: [Work] = []
        /// Whether the thread waits, or is just about to: only then does it need a wake-up call, and only one.
        var isAsleep = false
        var mustExit = false

        mutating func fallAsleep() -> Bool {
            isAsleep = work.isEmpty && !mustExit
            return isAsleep
        }

        mutating func awaken() -> Bool {
            defer { isAsleep = false }
            return isAsleep
        }
    }

    private struct Timer: Comparable {
        let due: ContinuousClock.Instant
        /// Keeps timers that are due at the same moment in the order in which they were set.
        let number: UInt64
        let body: () -> Void

        static func < (left: Timer, right: Timer) -> Bool {
            (left.due, left.number) < (right.due, right.number)
        }

        static func == (left: Timer, right: Timer) -> Bool { left.number == right.number }
    }

    let context: Context
    private let wakeDescriptor: Int32
    private let inbox = Mutex(Inbox())
    private let thread = Atomic<UInt>(0)

    var sockets: [SocketCore] = []
    var afterThisTurn: [() -> Void] = []
    private var running: [Work] = []
    private var timers = Heap<Timer>()
    private var timersSet: UInt64 = 0
    private var pollItems: [zmq_pollitem_t] = []
    private var polled: [SocketCore] = []

    init(context: Context) throws(ZeroMQError) {
        self.context = context
        wakeDescriptor = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard wakeDescriptor >= 0 else { throw ZeroMQError(number: errno, operation: "make an eventfd") }
    }

    deinit { Glibc.close(wakeDescriptor) }

    var isCurrent: Bool { thread.load(ordering: .relaxed) == UInt(pthread_self()) }

    // MARK: from any thread

    func enqueue(_ job: UnownedJob, on executor: UnownedSerialExecutor) { deliver(.job(job, executor)) }

    func perform(_ call: @escaping @Sendable () -> Void) { deliver(.call(call)) }

    func exit() {
        let mustWake = inbox.withLock { inbox in
            inbox.mustExit = true
            return inbox.awaken()
        }
        if mustWake { wake() }
    }

    private func deliver(_ work: Work) {
        let mustWake = inbox.withLock { inbox in
            inbox.work.append(work)
            return inbox.awaken()
        }
        if mustWake { wake() }
    }

    private func wake() {
        var one: UInt64 = 1
        while write(wakeDescriptor, &one, 8) < 0, errno == EINTR {}
    }

    // MARK: on the loop's thread

    func schedule(after delay: Duration, _ body: @escaping () -> Void) {
        timersSet += 1
        timers.insert(Timer(due: .now + delay, number: timersSet, body: body))
    }

    func run() {
        thread.store(UInt(pthread_self()), ordering: .relaxed)
        while runInbox() {
            wait()
            for (index, socket) in polled.enumerated() {
                if pollItems[index + 1].revents != 0 { socket.becameReady() } else { socket.taken?.noteDrained() }
            }
            runTimers()
            runAfterThisTurn()
        }
        closeSockets()
        thread.store(0, ordering: .relaxed)
    }

    func closeSockets() {
        // Oldest first: a monitor is closed by the socket that it reports on, never before it.
        while let socket = sockets.first { close(socket) }
    }

    func close(_ socket: SocketCore) {
        let monitor = socket.monitor
        sockets.removeAll { $0 === socket || $0 === monitor }
        socket.close()
    }

    /// Runs what was in the inbox when it began; what comes meanwhile waits until the sockets have been served.
    private func runInbox() -> Bool {
        let mustExit = inbox.withLock { inbox in
            // The two arrays take turns, so that neither has to grow anew.
            swap(&inbox.work, &running)
            return inbox.mustExit
        }
        for item in running {
            switch item {
            case .job(let job, let executor): job.runSynchronously(on: executor)
            case .call(let call): call()
            }
        }
        running.removeAll(keepingCapacity: running.capacity <= 4096)
        return !mustExit
    }

    /// Runs what was there when it began: a body that comes back every turn must not keep the sockets waiting.
    private func runAfterThisTurn() {
        guard !afterThisTurn.isEmpty else { return }
        let bodies = afterThisTurn
        afterThisTurn = []
        for body in bodies { body() }
    }

    private func runTimers() {
        guard !timers.isEmpty else { return }
        let now = ContinuousClock.now
        // Taken out before any runs: a timer that a body sets is for the next turn, even where it is due at once.
        var due: [Timer] = []
        while let next = timers.min, next.due <= now { due.append(timers.removeMin()) }
        for timer in due { timer.body() }
    }

    private func wait() {
        pollItems.removeAll(keepingCapacity: true)
        polled.removeAll(keepingCapacity: true)
        pollItems.append(zmq_pollitem_t(socket: nil, fd: wakeDescriptor, events: Int16(ZMQ_POLLIN), revents: 0))
        for socket in sockets where socket.wantsInput {
            pollItems.append(zmq_pollitem_t(socket: socket.pointer, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0))
            polled.append(socket)
        }
        let mayWait = afterThisTurn.isEmpty && inbox.withLock { $0.fallAsleep() }
        // A signal may end the wait early, with nothing ready: the loop then simply goes round once more.
        let result = zmq_poll(&pollItems, Int32(pollItems.count), mayWait ? millisecondsToNextTimer() : 0)
        let contextEnds = result < 0 && zmq_errno() == ETERM
        if mayWait { _ = inbox.withLock { $0.awaken() } }
        if pollItems[0].revents != 0 {
            var count: UInt64 = 0
            while read(wakeDescriptor, &count, 8) < 0, errno == EINTR {}
        }
        // Somebody ends the context before the loop is closed: it waits for its sockets, which are of no use any more.
        if contextEnds { closeSockets() }
    }

    /// -1 without timers; else rounded up, so that a timer is due when the wait ends.
    private func millisecondsToNextTimer() -> Int {
        guard let next = timers.min else { return -1 }
        let rest = (next.due - .now).components
        guard rest.seconds >= 0, rest.attoseconds >= 0 else { return 0 }
        return Int(rest.seconds) * 1000 + Int((rest.attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}

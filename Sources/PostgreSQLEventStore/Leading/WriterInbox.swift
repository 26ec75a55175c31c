internal import Dispatch
internal import EventSourcing
internal import Synchronization

/// A write that was begun and has not ended.
struct WriterJob: Sendable {
    let write: StoreWrite
    let begun: ContinuousClock.Instant
    /// How many times it was found not recorded.
    var attempts = 0
    let completed: @Sendable (StoreWriteResult) -> Void
}

/// What the writer's thread is given to do.
final class WriterInbox: Sendable {
    private struct State {
        var jobs: [WriterJob] = []
        var isClosing = false
        /// What later writes end with; nil while they are taken.
        var end: (any Error)?
    }

    /// What the thread polls.
    let wakeUp: WakeUp
    private let state = Mutex(State())
    private let ended = DispatchSemaphore(value: 0)

    /// An empty one.
    init(_ wakeUp: WakeUp) { self.wakeUp = wakeUp }

    /// Begins a write; never waits.
    func begin(_ write: StoreWrite, completed: @escaping @Sendable (StoreWriteResult) -> Void) {
        let job = WriterJob(write: write, begun: .now, completed: completed)
        let end = state.withLock { state in
            if state.end == nil { state.jobs.append(job) }
            return state.end
        }
        if let end { completed(.failed(end)) } else { wakeUp.wake() }
    }

    /// Has the thread end, after what was begun before.
    ///
    /// - Parameter error: what later writes end with at once; nothing of them is recorded.
    func askToClose(_ error: any Error) {
        state.withLock { state in
            state.isClosing = true
            state.end = state.end ?? error
        }
        wakeUp.wake()
    }

    /// The same, and waits for its end.
    func close(_ error: any Error) {
        askToClose(error)
        ended.wait()
        // For the next who asks.
        ended.signal()
    }

    /// Whether no more will come.
    var isClosing: Bool { state.withLock { $0.isClosing } }

    /// What was begun since the last time.
    func take() -> [WriterJob] {
        wakeUp.clear()
        return state.withLock { state in
            defer { state.jobs = [] }
            return state.jobs
        }
    }

    /// The thread ends: what is begun later ends with an error.
    ///
    /// - Returns: what was begun and not taken.
    func end(_ error: any Error) -> [WriterJob] {
        state.withLock { state in
            state.end = error
            defer { state.jobs = [] }
            return state.jobs
        }
    }

    /// Lets whoever closes go on: the last that the thread does.
    func leave() { ended.signal() }
}

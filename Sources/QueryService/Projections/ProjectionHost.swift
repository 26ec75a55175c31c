internal import EventLogProtocol
public import EventSourcing
public import Logging
internal import Synchronization

/// Keeps a projection in step with the log, and lets queries read it at a position that they may demand.
///
/// Queries read on their own threads, under a lock that is held for microseconds; the projection is changed by the
/// follower's thread, some appends at a time under the same lock. So a query sees the state at exactly one position,
/// which is the end of an append.
///
/// A record that the projection throws for stops it before that record: nothing is skipped. What it holds may still be
/// read, and is marked as stale; unless that is half an append, of which nobody sees anything. A projection may leave out
/// the record's stream instead, and go on: ``LeftOut``.
public final class ProjectionHost<Model: Projection>: Sendable {
    /// What a query may be told instead of an answer.
    public enum ReadFailure: Error, Hashable, Sendable {
        /// The position asked for was not reached in time; `position` is the one that was.
        case notCaughtUp(position: UInt64)
        /// As many queries wait for a position as may.
        case overloaded
    }

    /// What was read, and at which position.
    public struct Reading<Value: Sendable>: Sendable {
        /// What was read.
        public let value: Value
        /// The position that it reflects.
        public let position: UInt64
        /// The log that it reflects.
        public let logID: UniqueID?
        /// The hash of the record at the position.
        public let hash: Digest256?
        /// Another one once the projection has begun anew, since what it projected is not a part of the log any more.
        public let generation: UInt64
        /// Whether the projection stopped at the record after that position, so that newer ones are missing.
        public let isStale: Bool
    }

    struct State {
        var model: Model
        var status = ProjectionStatus()
        /// Whether the model holds a part of an append. Under the lock alone, unless the projection stopped there.
        var isWithinAppend = false
        var waiters = PositionWaiters(limit: ProjectionHost.mostWaiters)
        /// The log as far as it was handed on; further than the projection's position where that has stopped.
        var handedOn = LogCheckpoint.beginning
        /// The checkpoint that belongs to `status.position`.
        var checkpoint = LogCheckpoint.beginning
        /// Where the projection last wrote, or was read from, a checkpoint.
        var savedPosition: UInt64 = 0
        /// What a rebuild that nears its end has still to take in.
        var rebuild: RebuildTail?
        /// The number of unreadable streams that was last logged.
        var reportedUnreadable = 0
    }

    /// So many records are applied under one lock, and the rest of the last append, to let queries in between.
    static var recordsPerLock: Int { 64 }
    private static var mostWaiters: Int { 10_000 }

    let state: Mutex<State>
    let logger: Logger
    /// How the projection is written and read; nil where it is not.
    let form: CheckpointForm<Model>?
    let makeModel: @Sendable (_ position: UInt64) -> Model
    /// So many of the newest records are all that the projection holds; nil where it holds what comes of all.
    let window: Int?

    /// A host for a projection that holds a window of the log and so may begin at any position.
    ///
    /// - Parameters:
    ///   - window: so many of the newest records make it up. Older ones are passed over.
    ///   - makeModel: makes an empty one that begins after a position.
    public init(window: Int, logger: Logger, makeModel: @escaping @Sendable (_ position: UInt64) -> Model) {
        self.logger = logger
        self.makeModel = makeModel
        form = nil
        self.window = window
        state = Mutex(State(model: makeModel(0)))
    }

    init(logger: Logger, form: CheckpointForm<Model>?, makeModel: @escaping @Sendable () -> Model) {
        self.logger = logger
        self.form = form
        self.makeModel = { _ in makeModel() }
        window = nil
        state = Mutex(State(model: makeModel()))
    }

    /// A host for a projection that begins with the first record at every start.
    public convenience init(logger: Logger, makeModel: @escaping @Sendable () -> Model) {
        self.init(logger: logger, form: nil, makeModel: makeModel)
    }

    /// How the projection stands to the log.
    public var status: ProjectionStatus { state.withLock(\.status) }

    /// Reads the projection at one position, at least the one demanded, waiting for it where need be.
    ///
    /// Also waits for the log's head as it was known at the start: before that the projection shows less than it has
    /// shown before. One that has stopped is not waited for.
    ///
    /// - Parameters:
    ///   - minimum: the position that the answer must reflect.
    ///   - patience: how long to wait for it.
    ///   - whenWaiting: is given what ends the wait, if there must be one.
    /// - Throws: ``ReadFailure``, and what `body` throws.
    public func read<Value: Sendable>(
        atLeast minimum: UInt64, patience: Duration,
        whenWaiting: (_ giveUp: @escaping @Sendable () -> Void) -> Void = { _ in },
        _ body: @Sendable (borrowing Model, _ position: UInt64) throws -> Value
    ) async throws -> Reading<Value> {
        if let reading = try readNow(atLeast: minimum, body) { return reading }
        guard await wait(for: minimum, patience: patience, whenWaiting) else { throw ReadFailure.overloaded }
        guard let reading = try readNow(atLeast: minimum, body) else {
            throw ReadFailure.notCaughtUp(position: status.position)
        }
        return reading
    }

    private func readNow<Value: Sendable>(
        atLeast minimum: UInt64, _ body: @Sendable (borrowing Model, _ position: UInt64) throws -> Value
    ) throws -> Reading<Value>? {
        try state.withLock { state in
            guard state.mayAnswer, state.status.position >= minimum else { return nil }
            return Reading(
                value: try body(state.model, state.status.position), position: state.status.position,
                logID: state.handedOn.logID, hash: state.checkpoint.hash, generation: state.status.generation,
                isStale: state.status.failure != nil)
        }
    }

    // MARK: waiting

    /// Waits until a position is reached, the projection stops, or the time is over.
    ///
    /// - Returns: false where too many wait already.
    private func wait(
        for position: UInt64, patience: Duration, _ whenWaiting: (@escaping @Sendable () -> Void) -> Void
    ) async -> Bool {
        let number = state.withLock { $0.waiters.nextNumber() }
        var timer: Task<Void, Never>?
        defer { timer?.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: Bool? = state.withLock { state in
                    if state.isPointless(toWaitFor: position) { return true }
                    return state.waiters.add(number, for: position, continuation) ? nil : false
                }
                if let answer { return continuation.resume(returning: answer) }
                // Only now that the waiter can be found: one given up earlier would wait for ever.
                if Task.isCancelled { giveUp(number) }
                whenWaiting { [weak self] in self?.giveUp(number) }
                timer = Task { [weak self] in
                    // Cancelled as soon as the position is reached.
                    do { try await Task.sleep(for: patience) } catch { return }
                    self?.giveUp(number)
                }
            }
        } onCancel: {
            giveUp(number)
        }
    }

    private func giveUp(_ number: UInt64) {
        let given = state.withLock { $0.waiters.remove(number) }
        given?.resume(returning: true)
    }

    func resume(_ waiters: [PositionWaiters.Waiter]) {
        for waiter in waiters { waiter.resume(returning: true) }
    }
}

extension ProjectionHost where Model: CheckpointedProjection {
    /// A host for a projection that is written down, so that a start needs only the records after what was written.
    public convenience init(logger: Logger) {
        self.init(logger: logger, form: CheckpointForm(), makeModel: { Model() })
    }
}

extension ProjectionHost.State {
    /// Whether there is a state to show: the log's head was reached once, or never will be.
    var mayAnswer: Bool { !isWithinAppend && (status.hasCaughtUp || status.failure != nil) }

    func isPointless(toWaitFor position: UInt64) -> Bool {
        status.failure != nil || (status.hasCaughtUp && status.position >= position)
    }

    mutating func takeReached() -> [PositionWaiters.Waiter] {
        if status.failure != nil { return waiters.takeAll() }
        return status.hasCaughtUp ? waiters.takeReached(status.position) : []
    }
}

public import EventLogProtocol
public import EventSourcing
public import Logging
internal import Synchronization

/// Keeps a projection in step with the log, and lets queries read it at a position that they may demand.
///
/// Queries read on their own threads, under a lock that is held for microseconds; the projection is changed by the
/// follower's thread, some records at a time under the same lock. So a query sees the state at exactly one position.
public final class ProjectionHost<Model: Projection & Sendable>: LogConsumer {
    /// What a query may be told instead of an answer.
    public enum ReadFailure: Error, Hashable, Sendable {
        /// The position asked for was not reached in time; `position` is the one that was.
        case notCaughtUp(position: UInt64)
    }

    /// How the projection stands to the log.
    public struct Status: Hashable, Sendable {
        /// The position that it reflects.
        public var position: UInt64 = 0
        /// The highest position that is known to be recorded.
        public var head: UInt64 = 0
        /// Whether it follows the log without a lag.
        public var isLive = false
        /// Whether it has reached the log's head once, so that it may answer.
        public var hasCaughtUp = false
        /// Why it stopped, where it met a record that it cannot apply.
        public var failure: RevisionError?
    }

    private struct Waiter {
        let number: UInt64
        let position: UInt64
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var model: Model
        var status = Status()
        var waiters: [Waiter] = []
        var lastWaiter: UInt64 = 0
    }

    /// So many records are applied under one lock, to let queries in between.
    private static var recordsPerLock: Int { 64 }

    private let state: Mutex<State>
    private let makeModel: @Sendable () -> Model
    private let logger: Logger

    /// A host for a projection that begins empty.
    public init(logger: Logger, makeModel: @escaping @Sendable () -> Model) {
        self.makeModel = makeModel
        self.logger = logger
        state = Mutex(State(model: makeModel()))
    }

    /// How the projection stands to the log.
    public var status: Status { state.withLock(\.status) }

    /// Reads the projection at one position, at least the one demanded, waiting for it where need be.
    ///
    /// Also waits for the log's head as it was known at the start: before that the projection shows less than it has
    /// shown before.
    ///
    /// - Parameters:
    ///   - minimum: the position that the answer must reflect.
    ///   - patience: how long to wait for it.
    public func read<Result: Sendable>(
        atLeast minimum: UInt64, patience: Duration,
        _ body: @Sendable (borrowing Model, _ position: UInt64) throws -> Result
    ) async throws -> Result {
        if let result = try readNow(atLeast: minimum, body) { return result }
        _ = await wait(for: minimum, patience: patience)
        guard let result = try readNow(atLeast: minimum, body) else {
            throw ReadFailure.notCaughtUp(position: status.position)
        }
        return result
    }

    private func readNow<Result: Sendable>(
        atLeast minimum: UInt64, _ body: @Sendable (borrowing Model, _ position: UInt64) throws -> Result
    ) throws -> Result? {
        try state.withLock { state in
            guard state.status.hasCaughtUp, state.status.position >= minimum else { return nil }
            return try body(state.model, state.status.position)
        }
    }

    // MARK: LogConsumer

    /// Applies records, or stops at the first that cannot be applied.
    public func consume(_ records: [RecordedEvent]) {
        var rest = records[...]
        while !rest.isEmpty {
            let part = rest.prefix(Self.recordsPerLock)
            rest = rest.dropFirst(part.count)
            let woken = state.withLock { state -> [Waiter] in
                guard state.status.failure == nil else { return [] }
                for record in part {
                    precondition(
                        record.position == state.status.position + 1,
                        "position \(record.position) follows \(state.status.position): the follower broke its promise")
                    do throws(RevisionError) {
                        try state.model.apply(record)
                        state.status.position = record.position
                    } catch {
                        state.status.failure = error
                        logger.error(
                            "a projection stopped", metadata: ["projection": "\(Model.name)", "error": "\(error)"])
                        break
                    }
                }
                return takeReached(&state)
            }
            resume(woken)
        }
    }

    /// Notes how far the follower is.
    public func followed(isLive: Bool, position: UInt64, head: UInt64) {
        let woken = state.withLock { state -> [Waiter] in
            state.status.isLive = isLive && state.status.failure == nil
            state.status.head = max(head, state.status.position)
            guard state.status.isLive, !state.status.hasCaughtUp else { return [] }
            state.status.hasCaughtUp = true
            logger.info(
                "caught up with the log",
                metadata: ["projection": "\(Model.name)", "position": "\(state.status.position)"])
            return takeReached(&state)
        }
        resume(woken)
    }

    /// Begins again from nothing: what was projected is not a part of the log.
    public func diverged(_ divergence: LogDivergence) -> LogCheckpoint {
        logger.error(
            "the log is not the one that was projected: projecting it anew",
            metadata: ["projection": "\(Model.name)", "reason": "\(divergence)"])
        let model = makeModel()
        state.withLock { state in
            state.model = model
            state.status = Status()
        }
        return .beginning
    }

    // MARK: waiting

    private func wait(for position: UInt64, patience: Duration) async -> Bool {
        let number = state.withLock { state in
            state.lastWaiter += 1
            return state.lastWaiter
        }
        var timer: Task<Void, Never>?
        defer { timer?.cancel() }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReached = state.withLock { state in
                    if state.status.hasCaughtUp, state.status.position >= position { return true }
                    state.waiters.append(Waiter(number: number, position: position, continuation: continuation))
                    return false
                }
                guard !isReached else { return continuation.resume(returning: true) }
                // Only now that the waiter can be found: one given up earlier would wait for ever.
                if Task.isCancelled { giveUp(number) }
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
        let given = state.withLock { state -> Waiter? in
            guard let index = state.waiters.firstIndex(where: { $0.number == number }) else { return nil }
            return state.waiters.remove(at: index)
        }
        given?.continuation.resume(returning: false)
    }

    private func takeReached(_ state: inout State) -> [Waiter] {
        guard state.status.hasCaughtUp, !state.waiters.isEmpty else { return [] }
        let position = state.status.position
        let reached = state.waiters.filter { $0.position <= position }
        if !reached.isEmpty { state.waiters.removeAll { $0.position <= position } }
        return reached
    }

    private func resume(_ waiters: [Waiter]) {
        for waiter in waiters { waiter.continuation.resume(returning: true) }
    }
}

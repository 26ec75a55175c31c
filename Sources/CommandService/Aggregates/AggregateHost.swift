internal import EventLogProtocol
internal import EventSourcing
internal import ZeroMQ

/// Obeys commands: finds the aggregate, decides, has the events made durable, and answers with the aggregate after
/// them.
///
/// An actor on the socket loop that also carries the appends, so a command costs one hop to the loop and one back.
actor AggregateHost<State: SnapshottableAggregate> {
    /// A command with all that its client said about it.
    struct Order: Sendable {
        let command: State.Command
        let stream: StreamID
        let condition: CommandCondition
        let key: IdempotencyKey?
        /// What is to be kept with the key if the domain refuses; nil: such a refusal binds no key.
        let recordOfRefusal: @Sendable (State.Refusal) -> RecordedAnswer?
        /// Whether the command must come after those that came before it for the same aggregate and must, too.
        var isInSequence = false
    }

    /// How an order was answered.
    enum Answer: Sendable {
        /// It was obeyed: the aggregate after it, and the position of the last event that it recorded, if any.
        case obeyed(Revision<State>, position: UInt64?, isReplay: Bool)
        /// It was refused when it first came; this was the answer, at this position of the log.
        case replayedRefusal(status: Int, body: [UInt8], position: UInt64)
    }

    /// Why a command was not obeyed.
    enum Failure: Error {
        /// The domain refused it, in the state that this position of the log tells of.
        case refused(State.Refusal, position: UInt64)
        /// The aggregate is not at a version that the client demands, as this position of the log tells.
        case conditionFailed(actual: UInt64, position: UInt64)
        /// The key was used for another command.
        case keyReused
        /// The same command is being obeyed.
        case inProgress
        /// The log could not be asked, or did not answer.
        case log(EventLogError)
        /// The aggregate's history, or the domain, is at fault.
        case fault(String)
    }

    typealias Slot = AggregateCache<State>.Slot
    /// Where a command stands in its aggregate's ``CommandSequence``.
    typealias Place = Int
    typealias Progress = CommandProgress<AggregatePipeline<State>.Ticket>

    let client: EventLogClient
    let loop: SocketLoop
    let cache: AggregateCache<State>
    let horizon: PositionHorizon
    let snapshots: SnapshotKeeper<State>
    private let limits: CommandLimits
    private var bulk: BulkRoom
    var random = BufferedRandomness()

    /// The commands that wait to be answered.
    private(set) var commandsInProgress = 0
    /// The aggregates held in memory.
    var cachedAggregates: Int { cache.count }

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(
        client: EventLogClient, limits: CommandLimits, horizon: PositionHorizon, snapshots: SnapshotKeeper<State>,
        on loop: SocketLoop
    ) {
        self.snapshots = snapshots
        self.client = client
        self.loop = loop
        self.horizon = horizon
        self.limits = limits
        bulk = BulkRoom(for: limits.bulkCommandsInProgress)
        cache = AggregateCache(limit: limits.cachedAggregates)
    }

    /// Obeys a command, however often others get in between, until its deadline.
    func obey(_ order: Order) async throws(Failure) -> Answer {
        // Each waits with all that it holds, so there must be an end to them.
        guard commandsInProgress < limits.commandsInProgress else {
            throw .log(EventLogError(.overloaded, "\(limits.commandsInProgress) commands are in progress"))
        }
        commandsInProgress += 1
        defer { commandsInProgress -= 1 }
        let slot = cache.slot(of: order.stream)
        slot.users += 1
        defer { slot.users -= 1 }
        let deadline = ContinuousClock.now + limits.deadline
        let place = order.isInSequence ? slot.sequence.enter() : nil
        defer { if let place { slot.sequence.leave(place) } }
        guard let key = order.key else { return try await obey(order, slot, place, by: deadline) }
        if let running = slot.holder(of: key) {
            guard place != nil else { throw running == key.fingerprint ? .inProgress : .keyReused }
            // Commands that are obeyed in their order: the one before it has an answer first, and that is this one's, too.
            await withCheckedContinuation { slot.waitForKey(key, $0) }
        } else {
            slot.take(key)
        }
        defer { slot.release(key) }
        if place != nil, .now >= max(deadline, laterDeadline(slot) ?? deadline) { throw Self.tooLate(slot) }
        return try await obey(order, slot, place, by: deadline)
    }

    /// Is called as each of some commands is answered, with its place among them.
    typealias Answered = @Sendable (Int, Result<Answer, Failure>) -> Void

    /// Begins to obey commands, in their order, and returns without waiting for their answers.
    ///
    /// It waits where too many were begun in this way: whoever sends many at once has time, and would else have them
    /// refused as overload.
    func begin(_ orders: [Order], answered: @escaping Answered) async {
        if !bulk.enter(orders.count) {
            await withCheckedContinuation { bulk.wait(orders.count, $0) }
        }
        for (index, order) in orders.enumerated() {
            if beginAtOnce(order, index, answered) { continue }
            // At once, up to where it has to wait: so they are decided in their order.
            Task.immediate {
                let result: Result<Answer, Failure>
                do throws(Failure) {
                    result = .success(try await obey(order))
                } catch {
                    result = .failure(error)
                }
                bulk.leave()
                answered(index, result)
            }
        }
    }

    /// A command that was begun without a task, with what is needed when its append ends.
    private final class BegunCommand {
        let order: Order
        let index: Int
        let answered: Answered
        let slot: Slot
        let place: Place?
        let ticketBefore: AggregatePipeline<State>.Ticket?

        init(
            _ order: Order, _ index: Int, _ answered: @escaping Answered, _ slot: Slot, _ place: Place?,
            _ ticketBefore: AggregatePipeline<State>.Ticket?
        ) {
            self.order = order
            self.index = index
            self.answered = answered
            self.slot = slot
            self.place = place
            self.ticketBefore = ticketBefore
        }
    }

    /// Begins to obey a command that nothing holds up, as are nearly all, without a task of its own.
    ///
    /// - Returns: false, and nothing has happened, where it must wait for something or is not to be appended.
    private func beginAtOnce(_ order: Order, _ index: Int, _ answered: @escaping Answered) -> Bool {
        let slot = cache.slot(of: order.stream)
        guard commandsInProgress < limits.commandsInProgress, !slot.needsLoad,
            !order.isInSequence || slot.sequence.mayEnter, order.key.map({ slot.holder(of: $0) == nil }) ?? true
        else { return false }
        let ticketBefore = slot.lastTicket
        let decision: AggregatePipeline<State>.Decision
        do throws(Failure) {
            decision = try decide(order, slot, at: .now())
        } catch {
            // A fault of the domain. It changes nothing, and who decides the command again meets it again and tells it.
            return false
        }
        guard case .append(let ticket, let write) = decision else { return false }
        commandsInProgress += 1
        slot.users += 1
        if let key = order.key { slot.take(key) }
        let place = order.isInSequence ? slot.sequence.enter() : nil
        slot.lastTicket = ticket
        let command = BegunCommand(order, index, answered, slot, place, ticketBefore)
        // Before it is sent: where there is no room for it, it has ended already when that returns.
        if let place { slot.sequence.sent(place) }
        send(write, ticket, order, slot, place) { self.appended(command, $0) }
        return true
    }

    /// The first append of a command has ended; where it was not committed, a task sees to the rest.
    private func appended(_ command: BegunCommand, _ appended: AppendEnd) {
        if case .obeyed(let revision, let position) = appended {
            return end(command, .success(.obeyed(revision, position: position, isReplay: false)))
        }
        let deadline = ContinuousClock.now + limits.deadline
        Task.immediate {
            do throws(Failure) {
                let answer = try await obey(
                    command.order, command.slot, command.place, by: deadline,
                    after: (appended, command.ticketBefore))
                end(command, .success(answer))
            } catch {
                end(command, .failure(error))
            }
        }
    }

    private func end(_ command: BegunCommand, _ result: Result<Answer, Failure>) {
        if let place = command.place { command.slot.sequence.leave(place) }
        if let key = command.order.key { command.slot.release(key) }
        command.slot.users -= 1
        commandsInProgress -= 1
        bulk.leave()
        command.answered(command.index, result)
    }

    /// Obeys a command, from its beginning or after its first append has ended.
    private func obey(
        _ order: Order, _ slot: Slot, _ place: Place?, by deadline: ContinuousClock.Instant,
        after first: (end: AppendEnd, ticketBefore: AggregatePipeline<State>.Ticket?)? = nil
    ) async throws(Failure) -> Answer {
        // A load that was under way when the command came may have been answered before.
        var progress = Progress(
            isFresh: first == nil && slot.needsLoad && !slot.isLoading,
            ticketBefore: first.map(\.ticketBefore) ?? slot.lastTicket, deadline: deadline)
        if place != nil { extend(&progress, slot) }
        if let first {
            if let answer = try await answer(after: first.end, &progress, slot) { return answer }
            try await pause(&progress, slot)
        }
        while true {
            // Nothing is awaited between what is asked here and the decision: each is asked again after any wait.
            if let place, !slot.sequence.isTurn(of: place) {
                await withCheckedContinuation { slot.sequence.wait(place, $0) }
                extend(&progress, slot)
                try requireTime(progress, slot)
                continue
            }
            if slot.needsLoad {
                try await load(slot, by: progress.deadline)
                continue
            }
            progress.stoodAlone = slot.pipeline?.isIdle ?? true
            switch try decide(order, slot, at: .now()) {
            case .append(let ticket, let write):
                slot.lastTicket = ticket
                if let answer = try await append(write, ticket, &progress, order, slot, place) { return answer }
            case .settled(let settlement, let basis):
                if let answer = try await settle(settlement, basis, &progress, order, slot) { return answer }
            }
            if place != nil { extend(&progress, slot) }
            try await pause(&progress, slot)
        }
    }

    /// Gives a command that waits for those before it as much time again, counted from when one of them was obeyed.
    private func extend(_ progress: inout Progress, _ slot: Slot) {
        if let later = laterDeadline(slot) { progress.extend(to: later) }
    }

    private func laterDeadline(_ slot: Slot) -> ContinuousClock.Instant? {
        slot.lastInSequence.map { $0 + limits.deadline }
    }

    /// Waits before a command is decided again.
    private func pause(_ progress: inout Progress, _ slot: Slot) async throws(Failure) {
        guard let pause = progress.pauseBeforeNextDecision() else { throw Self.tooLate(slot) }
        guard pause > .zero else { return }
        await withCheckedContinuation { continuation in loop.schedule(after: pause) { continuation.resume() } }
    }

    func requireTime(_ progress: Progress, _ slot: Slot) throws(Failure) {
        if progress.isOver { throw Self.tooLate(slot) }
    }

    /// Nothing of the command is recorded and nothing of it is under way: whoever does not know that says so otherwise.
    static func tooLate(_ slot: Slot) -> Failure {
        .log(EventLogError(.unavailable, "a command on \(slot.stream) was not obeyed by its deadline"))
    }

    private func decide(
        _ order: Order, _ slot: Slot, at now: Timestamp
    ) throws(Failure) -> AggregatePipeline<State>.Decision {
        do throws(ImpossibleEvent) {
            let decision = try slot.pipeline?.decide(order.command, where: order.condition.holds) {
                UniqueID.version7(at: now, using: &random)
            }
            guard let decision else { throw ImpossibleEvent("the aggregate is not loaded") }
            return decision
        } catch {
            throw .fault("a command on \(slot.stream) was decided wrongly: \(error)")
        }
    }
}

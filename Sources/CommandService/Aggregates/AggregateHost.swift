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
        /// What is to be kept with the key where the domain refuses.
        let recordOfRefusal: @Sendable (State.Refusal) -> RecordedAnswer
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

    let client: EventLogClient
    private let loop: SocketLoop
    let cache: AggregateCache<State>
    let horizon: PositionHorizon
    let snapshots: SnapshotKeeper<State>
    private let mostCommands: Int
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
        mostCommands = limits.commandsInProgress
        bulk = BulkRoom(for: limits.bulkCommandsInProgress)
        cache = AggregateCache(limit: limits.cachedAggregates)
    }

    /// Obeys a command, however often others get in between.
    func obey(_ order: Order) async throws(Failure) -> Answer {
        // Each waits with all that it holds, so there must be an end to them.
        guard commandsInProgress < mostCommands else {
            throw .log(EventLogError(.overloaded, "\(mostCommands) commands are in progress"))
        }
        commandsInProgress += 1
        defer { commandsInProgress -= 1 }
        let slot = cache.slot(of: order.stream)
        slot.users += 1
        defer { slot.users -= 1 }
        guard let key = order.key else { return try await obey(order, slot) }
        if let running = slot.runningKeys[key.bytes] {
            throw running == key.fingerprint ? .inProgress : .keyReused
        }
        slot.runningKeys[key.bytes] = key.fingerprint
        defer { slot.runningKeys[key.bytes] = nil }
        return try await obey(order, slot)
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
        guard commandsInProgress < mostCommands, !slot.needsLoad, !order.isInSequence || slot.sequence.mayEnter,
            order.key.map({ slot.runningKeys[$0.bytes] == nil }) ?? true
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
        if let key = order.key { slot.runningKeys[key.bytes] = key.fingerprint }
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
        Task.immediate {
            do throws(Failure) {
                let answer = try await obey(
                    command.order, command.slot, command.place, after: (appended, command.ticketBefore))
                end(command, .success(answer))
            } catch {
                end(command, .failure(error))
            }
        }
    }

    private func end(_ command: BegunCommand, _ result: Result<Answer, Failure>) {
        if let place = command.place { command.slot.sequence.leave(place) }
        if let key = command.order.key { command.slot.runningKeys[key.bytes] = nil }
        command.slot.users -= 1
        commandsInProgress -= 1
        bulk.leave()
        command.answered(command.index, result)
    }

    private func obey(_ order: Order, _ slot: Slot) async throws(Failure) -> Answer {
        guard order.isInSequence else { return try await obey(order, slot, nil) }
        let place = slot.sequence.enter()
        defer { slot.sequence.leave(place) }
        return try await obey(order, slot, place)
    }

    /// Obeys a command, from its beginning or after its first append has ended.
    private func obey(
        _ order: Order, _ slot: Slot, _ place: Place?,
        after first: (end: AppendEnd, ticketBefore: AggregatePipeline<State>.Ticket?)? = nil
    ) async throws(Failure) -> Answer {
        // Whether the log told of this state after the command had come: then a refusal may stand on it. A load that
        // was under way may have been answered before.
        var isFresh = first == nil && slot.needsLoad && !slot.isLoading
        let ticketBefore = first.map(\.ticketBefore) ?? slot.lastTicket
        if let first, let answer = try await answer(after: first.end, isFresh: &isFresh, slot) { return answer }
        while true {
            if let place {
                while !slot.sequence.isTurn(of: place) {
                    await withCheckedContinuation { slot.sequence.wait(place, $0) }
                }
            }
            try await load(slot)
            switch try decide(order, slot, at: .now()) {
            case .append(let ticket, let write):
                slot.lastTicket = ticket
                if let answer = try await append(write, ticket, isFresh: &isFresh, order, slot, place) { return answer }
            case .settled(let settlement, let basis):
                let answer = try await settle(
                    settlement, basis, isFresh: &isFresh, ticketBefore: ticketBefore, order, slot)
                if let answer { return answer }
            }
        }
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

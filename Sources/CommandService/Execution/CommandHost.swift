internal import EventLogProtocol
internal import EventSourcing
internal import QueryForwarding
internal import ZeroMQ

/// Drives the command machine: takes orders in, does what the machine asks for, and hands the answers on.
///
/// An actor on the socket loop that also carries the appends, so a command costs one hop to the loop and one back.
actor CommandHost<State: SnapshottableAggregate> {
    typealias Order = CommandOrder<State>
    typealias Answer = CommandAnswer<State>
    typealias Failure = CommandFailure<State>
    typealias Outcome = Result<Answer, Failure>
    typealias Machine = CommandMachine<State, Client, BufferedRandomness>

    /// Who is told a command's outcome.
    enum Client {
        /// One that sent it alone.
        case single(CheckedContinuation<Outcome, Never>)
        /// One that sent many: the command is that of the index among them.
        case many(Answered, index: Int)
    }

    /// Called once for each of many commands, with its index among them.
    typealias Answered = @Sendable (Int, Outcome) -> Void

    let client: EventLogClient
    let loop: SocketLoop
    let horizon: PositionHorizon
    let snapshots: SnapshotKeeper<State>
    let limits: CommandLimits
    private var machine: Machine
    private var bulk: BulkRoom
    private var isPerforming = false

    /// The commands that wait to be answered.
    var commandsInProgress: Int { machine.commandsInProgress }
    /// The aggregates held in memory.
    var cachedAggregates: Int { machine.cachedAggregates }

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(
        client: EventLogClient, limits: CommandLimits, horizon: PositionHorizon, snapshots: SnapshotKeeper<State>,
        on loop: SocketLoop
    ) {
        self.client = client
        self.limits = limits
        self.horizon = horizon
        self.snapshots = snapshots
        self.loop = loop
        bulk = BulkRoom(for: limits.bulkCommandsInProgress)
        machine = Machine(limits: limits, snapshots: snapshots.policy, random: BufferedRandomness())
    }

    // MARK: orders

    /// Executes a command.
    func execute(_ order: Order) async throws(Failure) -> Answer {
        let outcome = await withCheckedContinuation { continuation in
            tell { $0.take(order, for: .single(continuation), at: $1) }
        }
        return try outcome.get()
    }

    /// Begins to execute commands, in their order, and returns without waiting for their answers.
    ///
    /// It waits if too many were begun in this way: whoever sends many at once has time, and would otherwise have them
    /// refused as overload.
    ///
    /// - Parameter isPointless: whether they are not to be begun any more; asked once they may be.
    /// - Returns: whether they were begun, all of them or none.
    func begin(
        _ orders: [Order], unless isPointless: @Sendable () -> Bool, answered: @escaping Answered
    ) async -> Bool {
        if !bulk.enter(orders.count) {
            await withCheckedContinuation { bulk.wait(orders.count, $0) }
        }
        if isPointless() {
            for _ in orders { bulk.leave() }
            return false
        }
        for (index, order) in orders.enumerated() {
            tell { $0.take(order, for: .many(answered, index: index), at: $1) }
        }
        return true
    }

    /// Forgets what is held of all aggregates: the log is not what it was.
    func forgetAll() { tell { machine, _ in machine.forgetAll() } }

    // MARK: driving

    /// Gives the machine an input, and does what it then asks for.
    func tell(_ input: (inout Machine, CommandMoment) -> Void) {
        input(&machine, CommandMoment(instant: .now, time: .now()))
        // What is done may end at once, with the next input: that only adds to what is to be done.
        guard !isPerforming else { return }
        isPerforming = true
        while let action = machine.nextAction() { perform(action) }
        isPerforming = false
    }

    private func perform(_ action: Machine.Action) {
        switch action {
        case .append(let append):
            send(append)
        case .answer(.single(let continuation), let outcome):
            continuation.resume(returning: outcome)
        case .answer(.many(let answered, let index), let outcome):
            bulk.leave()
            answered(index, outcome)
        case .pause(let run, let pause):
            // Runs on the loop's thread, as this does.
            nonisolated(unsafe) let run = run
            loop.schedule(after: pause) { [weak self] in
                self?.assumeIsolated { $0.tell { $0.pauseEnded(run, at: $1) } }
            }
        case .keepSnapshot(let revision):
            keepSnapshot(of: revision)
        case .load(let slot):
            Task {
                let result = await loadNewest(slot.stream)
                tell { $0.loaded(slot, result, at: $1) }
            }
        case .readEvent(let run, let version):
            Task {
                let result = await readEvent(of: run.order.stream, version)
                tell { $0.readEvent(run, result, at: $1) }
            }
        case .readRevision(let run, let version):
            Task {
                let result = await readRevision(of: run.order.stream, at: version)
                tell { $0.readRevision(run, result, at: $1) }
            }
        case .findOutcome(let run):
            Task {
                let result = await findOutcome(of: run.order)
                tell { $0.foundOutcome(run, result, at: $1) }
            }
        }
    }

    /// Sends an append. The machine must hear of the log's answers in the order in which they come. Tasks that are resumed
    /// in an order need not go on in it, so it is told on the loop's thread, before anybody else is.
    private func send(_ append: Machine.Append) {
        let host = self
        let request = append.request
        // The compiler cannot see that both actors run on one loop; `assumeIsolated` checks it.
        nonisolated(unsafe) let append = append
        client.assumeIsolated { client in
            client.append(request) { reply in
                let result = Result<AppendResult, EventLogError>(catching: { () throws(EventLogError) in
                    try AppendResult(reply.get())
                })
                host.assumeIsolated { host in
                    host.note(result)
                    host.tell { $0.appended(append, result, at: $1) }
                }
            }
        }
    }

    /// What a client is told of next, a query that it then sends must show.
    private func note(_ result: Result<AppendResult, EventLogError>) {
        switch result {
        case .success(.committed(let commit)): horizon.advance(to: commit.position)
        case .success(.replayed(let outcome)): horizon.advance(to: outcome.commit.position)
        case .success(.conflict(let conflict)):
            for stream in conflict.streams { horizon.advance(over: stream.missed) }
        case .success(.keyReused), .success(.invalid), .failure: break
        }
    }
}

internal import DequeModule
internal import EventLogProtocol
public import EventSourcing

/// Executes commands: everything between the arrival of an order and its answer.
///
/// A pure state machine: inputs go in, ``nextAction()`` gives what its driver is to do, and what comes of that is another
/// input. It does no I/O, reads no clock and has no tasks, so a gateway and a simulation drive the same code.
///
/// The way of a command, single or one of many: ``take(_:for:at:)``, then `proceed` as often as it had to wait for
/// something, then `decide`, which ends in one append, then ``appended(_:_:at:)``, and `finish`. If the log refuses
/// the append because something else was recorded meanwhile, it goes back to `proceed`.
public struct CommandMachine<State: Aggregate, Client, Random: RandomNumberGenerator> {
    /// A command with all that its client said about it.
    public typealias Order = CommandOrder<State>
    /// How an order was answered.
    public typealias Answer = CommandAnswer<State>
    /// Why an order was not executed.
    public typealias Failure = CommandFailure<State>
    /// What the driver is to do.
    public typealias Action = CommandAction<State, Client>
    /// A command in progress.
    public typealias Run = CommandRun<State, Client>
    /// An aggregate in memory.
    public typealias Slot = AggregateSlot<State, Client>
    /// An append under way.
    public typealias Append = PendingAppend<State, Client>

    let limits: CommandLimits
    let snapshots: SnapshotPolicy
    var random: Random
    var cache: AggregateCache<State, Client>
    var lastAppend: UInt64 = 0
    /// The newest time at which the log is known to have recorded something: its clock may be ahead of this machine's, and
    /// what was expired there must not be decided on as if it were not.
    public internal(set) var lastRecorded = Timestamp(microseconds: 0)
    private var actions = ActionQueue<Action>()
    /// Commands that may go on.
    private var ready: Deque<Run> = []

    /// The commands that are not answered.
    public private(set) var commandsInProgress = 0
    /// How often a command was decided.
    public internal(set) var decisions: UInt64 = 0
    /// The aggregates in memory.
    public var cachedAggregates: Int { cache.count }

    /// A machine that knows nothing yet.
    ///
    /// - Parameter random: for the ids of events, and for the lengths of pauses.
    public init(limits: CommandLimits, snapshots: SnapshotPolicy, random: Random) {
        self.limits = limits
        self.snapshots = snapshots
        self.random = random
        cache = AggregateCache(limit: limits.cachedAggregates)
    }

    /// What to do next, in the order in which it is to be done; nil: nothing before the next input.
    public mutating func nextAction() -> Action? { actions.popFirst() }

    mutating func request(_ action: consuming Action) { actions.append(action) }

    // MARK: a command comes

    /// A command has come; `client` is given back with its answer.
    public mutating func take(_ order: Order, for client: Client, at now: CommandMoment) {
        // Each waits with all that it holds, so there must be an end to them.
        guard commandsInProgress < limits.commandsInProgress else {
            let error = EventLogError(.overloaded, "\(limits.commandsInProgress) commands are in progress")
            return request(.answer(client, .failure(.log(error))))
        }
        commandsInProgress += 1
        let run = Run(order, for: client, on: use(order.stream), by: now.instant + limits.deadline)
        if order.isInSequence { joinSequences(run) }
        if takesKey(run) { proceed(run, now) }
        proceedWithReady(now)
    }

    /// The aggregate's slot, kept until it is no longer used.
    private mutating func use(_ stream: StreamID) -> Slot {
        let slot = cache.slot(of: stream)
        slot.users += 1
        return slot
    }

    /// Lets a command be executed after those before it on every aggregate that it is known to concern. What a reversal
    /// concerns beside its own is known only later; to wait for turns then could have two wait for each other.
    private mutating func joinSequences(_ run: Run) {
        run.join(run.slot)
        guard State.referredVersion(in: run.order.command) == nil else { return }
        for slot in nameOthers(run) { run.join(slot) }
    }

    /// Names the other aggregates that a command is decided over; anew each time if they depend on the event that it refers
    /// to, since another may be recorded in its place.
    private mutating func nameOthers(_ run: Run) -> [Slot] {
        let named = run.others
        if !named.isEmpty, State.referredVersion(in: run.order.command) == nil { return named }
        let streams = State.otherStreams(
            for: run.order.command, on: run.slot.stream, referring: run.referredEvent)
        if named.isEmpty, streams.isEmpty { return [] }
        if named.elementsEqual(streams, by: { $0.stream == $1 }) { return named }
        let others = streams.map { use($0) }
        for slot in named { slot.users -= 1 }
        run.others = others
        return others
    }

    /// Whether a command may go on as for its key: it has none, or has it now.
    private mutating func takesKey(_ run: Run) -> Bool {
        guard let key = run.order.key else { return true }
        guard let fingerprint = run.slot.fingerprint(of: key) else {
            run.slot.take(key, for: run)
            return true
        }
        if run.order.isInSequence {
            // The one before it is answered first, and that is this one's answer, too.
            run.enter(.waitingForKey)
            run.slot.waitForKey(run)
        } else {
            finish(run, .failure(fingerprint == key.fingerprint ? .inProgress : .keyReused))
        }
        return false
    }

    // MARK: it goes on

    /// Lets a command go on as far as it can. What it waits for is asked again after every wait, from the beginning.
    private mutating func proceed(_ run: Run, _ now: CommandMoment) {
        extendDeadline(run)
        guard !run.attempts.isOver(at: now.instant) else { return finish(run, .failure(Self.tooLate(run.slot.stream))) }
        guard run.isItsTurn else { return run.enter(.waitingForTurn) }
        guard isLoaded(run.slot, for: run), knowsReferredEvent(run) else { return }
        if let stream = streamBeyondReach(of: run) { return refuse(run, takingFrom: stream, now) }
        let others = nameOthers(run)
        for slot in others {
            guard isLoaded(slot, for: run) else { return }
        }
        decide(run, over: others, now)
    }

    /// Lets all go on that may.
    mutating func proceedWithReady(_ now: CommandMoment) {
        while let run = ready.popFirst() {
            if case .ready = run.phase { proceed(run, now) }
        }
    }

    mutating func wake(_ run: Run) {
        run.enter(.ready)
        ready.append(run)
    }

    /// Wakes the next command of a sequence, if it may be decided now. One at a time: the one after it when this one
    /// has been decided.
    mutating func wakeNext(in slot: Slot) {
        guard let next = slot.sequence.firstThatHoldsUp, case .waitingForTurn = next.phase, next.isItsTurn else {
            return
        }
        wake(next)
    }

    /// Gives a command that waits for those before it as much time again, from when one of them was executed.
    private func extendDeadline(_ run: Run) {
        for slot in run.sequences {
            if let last = slot.lastInSequence { run.attempts.extend(to: last + limits.deadline) }
        }
    }

    /// Nothing of the command is recorded and nothing of it is under way.
    static func tooLate(_ stream: StreamID) -> Failure {
        .log(EventLogError(.unavailable, "a command on \(stream) was not executed by its deadline"))
    }

    // MARK: it is answered

    /// Answers a command.
    mutating func finish(_ run: Run, _ result: consuming Result<Answer, Failure>) {
        run.enter(.answered)
        for slot in run.sequences {
            slot.sequence.dropAnswered()
            wakeNext(in: slot)
        }
        if let key = run.order.key, run.holdsKey, let next = run.slot.release(key) { wake(next) }
        run.slot.users -= 1
        for slot in run.others { slot.users -= 1 }
        commandsInProgress -= 1
        request(.answer(run.client, result))
    }

    // MARK: the log is not what it was

    /// Lets an aggregate be loaded anew before it is used again.
    public mutating func forget(_ stream: StreamID) { cache.slot(of: stream).state.outdate() }

    /// Lets every aggregate be loaded anew before it is used again.
    public mutating func forgetAll() { cache.forEach { $0.state.outdate() } }

    /// Ends without answering anybody: its process is no more. For simulations.
    public mutating func abandon() {
        cache.forEach { $0.abandon() }
        actions = ActionQueue()
        ready = []
    }
}

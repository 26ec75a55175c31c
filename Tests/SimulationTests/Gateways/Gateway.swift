internal import CommandService
internal import EventLogProtocol
internal import EventSourcing
internal import TestSupport

/// A command service: the real ``CommandMachine``, and a driver that does what it asks for in the simulation's time and
/// over its network.
final class Gateway<Domain: SimulatedDomain> {
    typealias State = Domain.State
    typealias Machine = CommandMachine<State, Int, SeededGenerator>

    let name: String
    let world: World
    let pageLimit: ReadLimit
    let appends: LogChannel
    let reads: LogChannel
    let referee: Referee<Domain>
    private let clockError: Microseconds
    private var machine: Machine
    private var isPerforming = false
    /// The clients that wait for an answer, by the numbers of their attempts.
    private var clients: [Int: (Answer<State>) -> Void] = [:]
    /// How many appends that concern a stream are under way.
    private var underWay: [StreamID: Int] = [:]
    /// The highest position of which a client was told.
    private(set) var horizon: UInt64 = 0
    /// The versions that clients were shown.
    private(set) var shown: [StreamID: UInt64] = [:]
    private(set) var isAlive = true

    init(
        _ name: String, _ world: World, _ circumstances: Circumstances, on log: SimulatedLog,
        _ referee: Referee<Domain>
    ) {
        self.name = name
        self.world = world
        self.referee = referee
        pageLimit = ReadLimit(events: circumstances.pageLimit)
        appends = LogChannel(world, circumstances, to: log)
        reads = LogChannel(world, circumstances, to: log)
        clockError = world.between(circumstances.clockError)
        machine = Machine(
            limits: circumstances.limits, snapshots: circumstances.snapshots,
            random: SeededGenerator(seed: world.between(0...UInt64.max)))
    }

    /// Whether nothing is in progress.
    var isIdle: Bool { appends.waitingRequests == 0 && reads.waitingRequests == 0 && clients.isEmpty }

    /// Ends without a word.
    func crash() {
        isAlive = false
        machine.abandon()
        appends.abandon()
        reads.abandon()
        clients = [:]
    }

    /// Notes what a client was told.
    func noteShown(_ answer: Answer<State>) {
        guard case .executed(let revision, _, _) = answer else { return }
        shown[revision.stream] = max(shown[revision.stream] ?? 0, revision.version)
    }

    // MARK: the machine

    /// Executes orders that come together; those with a place in a sequence in their order.
    func execute(_ orders: [Order<State>], _ answered: @escaping (Int, Answer<State>) -> Void) {
        for (index, order) in orders.enumerated() {
            clients[order.attempt] = { answered(index, $0) }
            tell { $0.take(order.command(of: Domain.self), for: order.attempt, at: $1) }
        }
    }

    /// Lets the machine load an aggregate anew, as after an audit found its snapshot wrong.
    func forget(_ stream: StreamID) { tell { machine, _ in machine.forget(stream) } }

    /// Lets the machine load everything anew, as after the log went back.
    func forgetAll() { tell { machine, _ in machine.forgetAll() } }

    private var moment: CommandMoment {
        CommandMoment(
            instant: world.instant, time: Timestamp(microseconds: world.timestamp.microseconds + clockError))
    }

    /// Gives the machine an input, and does what it then asks for.
    private func tell(_ input: (inout Machine, CommandMoment) -> Void) {
        guard isAlive else { return }
        input(&machine, moment)
        // What is done may end at once, with the next input: that only adds to what is to be done.
        guard !isPerforming else { return }
        isPerforming = true
        while let action = machine.nextAction() { perform(action) }
        isPerforming = false
    }

    /// Goes on as a task that is resumed does: soon, and not always in the order of being resumed.
    private func resume(_ input: @escaping (inout Machine, CommandMoment) -> Void) {
        world.after(0...30) { [weak self] in self?.tell(input) }
    }

    private func perform(_ action: Machine.Action) {
        switch action {
        case .append(let append):
            send(append)
        case .load(let slot):
            load(slot.stream, upTo: .max) { [self] result in resume { $0.loaded(slot, result, at: $1) } }
        case .readEvent(let run, let version):
            readEvent(run.order.stream, version) { [self] result in resume { $0.readEvent(run, result, at: $1) } }
        case .readRevision(let run, let version):
            load(run.order.stream, upTo: version) { [self] result in resume { $0.readRevision(run, result, at: $1) } }
        case .findOutcome(let run):
            findOutcome(of: run.order) { [self] result in resume { $0.foundOutcome(run, result, at: $1) } }
        case .pause(let run, let pause):
            world.after(pause.microseconds) { [weak self] in self?.tell { $0.pauseEnded(run, at: $1) } }
        case .keepSnapshot(let revision):
            keep(revision)
        case .answer(let attempt, let outcome):
            answer(attempt, Answer(outcome))
        }
    }

    /// Sends an append. The machine hears of the log's answers in the order in which they come.
    private func send(_ append: Machine.Append) {
        let request = append.request
        if let attempt = Order<State>.attempt(in: append.run.order.metadata) {
            world.trace("\(name): attempt \(attempt) appends \(request.summary)")
            referee.decided(attempt, request, at: max(moment.time, machine.lastRecorded))
        }
        if request.writes.contains(where: { underWay[$0.stream, default: 0] > 0 }) { world.saw(.pipelined) }
        for write in request.writes { underWay[write.stream, default: 0] += 1 }
        appends.send(.append(request)) { [self] reply in
            for write in request.writes { underWay[write.stream, default: 0] -= 1 }
            let result = Result<AppendResult, EventLogError> { () throws(EventLogError) in
                try AppendResult(reply.get())
            }
            note(result, of: request)
            tell { $0.appended(append, result, at: $1) }
        }
    }

    private func note(_ result: Result<AppendResult, EventLogError>, of request: AppendRequest) {
        switch result {
        case .success(.conflict(let conflict)):
            if request.isCheck { world.saw(.checkFailed) }
            let writes = conflict.streams.map(\.write)
            world.saw(writes.count > 1 ? .severalStreamsMoved : writes == [0] ? .firstStreamMoved : .otherStreamMoved)
        case .success(.committed) where request.isCheck: world.saw(.checkHeld)
        default: break
        }
    }

    private func keep(_ revision: Revision<State>) {
        guard let snapshot = revision.snapshot else { return }
        appends.send(.keepSnapshot(snapshot)) { _ in }
    }

    private func answer(_ attempt: Int, _ answer: Answer<State>) {
        guard let client = clients.removeValue(forKey: attempt) else {
            return world.violated(.endsOnce, "attempt \(attempt) is answered, and nobody waits for it: \(answer)")
        }
        horizon = max(horizon, answer.position ?? 0)
        client(answer)
    }
}

extension Duration {
    /// Rounded up.
    fileprivate var microseconds: Microseconds {
        components.seconds * 1_000_000 + (components.attoseconds + 999_999_999_999) / 1_000_000_000_000
    }
}

extension AppendRequest {
    /// For traces.
    fileprivate var summary: String {
        writes.map { "\($0.stream.name) \($0.expected) +\($0.events.count)" }.joined(separator: ", ")
    }
}

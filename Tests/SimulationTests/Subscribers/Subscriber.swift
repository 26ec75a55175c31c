internal import EventLogProtocol
internal import EventSourcing

/// A query service: the real `SubscriptionMachine`, with what `LogFollower` does around it restated without sockets, and
/// a projection that it feeds. It saves its projection now and then, and goes on from there after a crash.
final class Subscriber<Domain: SimulatedDomain> {
    /// A query that waits for a position.
    private struct Waiter {
        let number: Int
        let position: UInt64
        let answer: (StreamTotals<Domain>?) -> Void
    }

    let name: String
    private let world: World
    private let circumstances: Circumstances
    private let log: SimulatedLog
    private let referee: Referee<Domain>
    private var machine: SubscriptionMachine
    private var reads: LogChannel
    private var feed: EventFeed?
    private var failedReads = 0
    private var projection = StreamTotals<Domain>()
    private var saved = StreamTotals<Domain>()
    private var savedCheckpoint = LogCheckpoint.beginning
    private var waiters: [Waiter] = []
    private var lastQuery = 0
    private var isRunning = true
    /// Counts the runs, so that nothing which a run has begun is ended by the next.
    private var run = 0

    init(
        _ name: String, _ world: World, _ circumstances: Circumstances, on log: SimulatedLog, _ referee: Referee<Domain>
    ) {
        self.name = name
        self.world = world
        self.circumstances = circumstances
        self.log = log
        self.referee = referee
        machine = SubscriptionMachine(after: .beginning, waitingLimit: circumstances.waitingLimit)
        reads = LogChannel(world, circumstances, to: log)
        subscribe()
    }

    /// Whether everything in the log was handed on, and the machine knows.
    var isSettled: Bool {
        isRunning && machine.isLive && projection.position == log.disk.durable.head.position && waiters.isEmpty
            && reads.waitingRequests == 0
    }

    var state: String {
        "\(name): running \(isRunning), live \(machine.isLive), at \(projection.position), waiting \(waiters.count)"
    }

    // MARK: queries

    /// Answers with the totals once they show a position; with nil where they do not within a while.
    func query(atLeast position: UInt64, within wait: Microseconds, _ answer: @escaping (StreamTotals<Domain>?) -> Void)
    {
        guard isRunning else { return answer(nil) }
        guard projection.position < position else { return answer(projection) }
        world.saw(.queryWaited)
        lastQuery += 1
        let number = lastQuery
        waiters.append(Waiter(number: number, position: position, answer: answer))
        world.after(wait) { [unowned self] in
            guard let index = waiters.firstIndex(where: { $0.number == number }) else { return }
            world.saw(.queryGaveUp)
            waiters.remove(at: index).answer(nil)
        }
    }

    private func wakeWaiters() {
        guard !waiters.isEmpty else { return }
        let reached = waiters.filter { $0.position <= projection.position }
        waiters.removeAll { $0.position <= projection.position }
        for waiter in reached { waiter.answer(projection) }
    }

    // MARK: faults

    func cut() { feed?.lose() }

    func cutReads() { reads.cut() }

    func stall(for pause: Microseconds) { feed?.stall(for: pause) }

    func crash(downFor pause: Microseconds) {
        guard isRunning else { return }
        world.trace("\(name): crash")
        run += 1
        isRunning = false
        feed?.lose()
        feed = nil
        reads.abandon()
        let gone = waiters
        waiters = []
        for waiter in gone { waiter.answer(nil) }
        world.after(pause) { [unowned self] in
            world.trace("\(name): start after \(savedCheckpoint.position)")
            if savedCheckpoint.position > 0 { world.saw(.resumed) }
            isRunning = true
            failedReads = 0
            projection = saved
            machine = SubscriptionMachine(after: savedCheckpoint, waitingLimit: circumstances.waitingLimit)
            reads = LogChannel(world, circumstances, to: log)
            subscribe()
        }
    }

    // MARK: following

    private func subscribe() {
        let run = run
        guard log.isReachable else {
            world.after(.milliseconds(5) ... .milliseconds(100)) { [weak self] in
                guard let self, run == self.run else { return }
                subscribe()
            }
            return
        }
        feed = log.subscribe(
            { [weak self] message in self?.receive(message) },
            whenLost: { [weak self] in
                guard let self else { return }
                world.after(.milliseconds(5) ... .milliseconds(50)) { [weak self] in
                    guard let self, run == self.run else { return }
                    subscribe()
                }
            })
    }

    private func receive(_ message: Published) {
        guard isRunning else { return }
        switch message {
        case .event(let record):
            referee.published(record)
            perform(machine.received(record, in: log.logID))
        case .heartbeat(let head):
            perform(machine.receivedHeartbeat(position: head.position, hash: head.hash, in: log.logID))
        }
    }

    private func perform(_ actions: [SubscriptionMachine.Action]) {
        for action in actions {
            switch action {
            case .deliver(let records):
                for record in records { deliver(record) }
                world.expect(
                    records.last.map { !$0.continues } ?? false, .whole,
                    "\(name) is handed \(records.count) records up to \(projection.position), within an append")
            case .read(let position):
                read(after: position)
            case .retryLater:
                failedReads += 1
                let base = Microseconds(20_000 << min(failedReads, 5))
                let run = run
                world.after(base...(2 * base)) { [unowned self] in
                    if run == self.run { perform(machine.retryRead()) }
                }
            case .diverged(let divergence):
                world.violated(.nothingMissed, "\(name) holds this log, and is told: \(divergence)")
            }
        }
        world.expect(
            !machine.isLive || machine.position == machine.knownHead, .fresh,
            "\(name) is live at \(machine.position) and knows of \(machine.knownHead)")
        if machine.gaps > 0 { world.saw(.gap) }
        if machine.lostTails > 0 { world.saw(.lostTail) }
        if machine.repeats > 0 { world.saw(.repeated) }
        wakeWaiters()
    }

    private func read(after position: UInt64) {
        reads.send(.readLog(after: position, limit: ReadLimit(events: circumstances.pageLimit))) { [unowned self] in
            if case .success(.log(let page)) = $0 {
                failedReads = 0
                perform(machine.readAnswered(page))
            } else {
                perform(machine.readFailed())
            }
        }
    }

    private func deliver(_ record: RecordedEvent) {
        referee.delivered(record, to: name, holding: projection.position)
        do throws(RevisionError) {
            try projection.apply(record)
        } catch {
            world.violated(.nothingTwice, "\(name): \(error)")
        }
        if world.onceIn(4), machine.position == record.position {
            saved = projection
            savedCheckpoint = machine.checkpoint
        }
    }
}

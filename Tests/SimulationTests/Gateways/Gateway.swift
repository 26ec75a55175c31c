internal import CommandService
internal import EventLogProtocol
internal import EventSourcing

/// A command service: the real `AggregatePipeline`, with what `AggregateHost` does around it restated without tasks, so
/// that the simulation says in which order things go on.
final class Gateway {
    /// An order that is being obeyed.
    final class Run {
        let order: Order
        let slot: GatewaySlot
        let answer: (Answer) -> Void
        /// Whether the log told of the state after the order had come: then a refusal may stand on it.
        var isFresh = false
        /// The newest append that was sent before the order came.
        private let ticketBefore: Ticket?

        init(_ order: Order, _ slot: GatewaySlot, _ answer: @escaping (Answer) -> Void) {
            self.order = order
            self.slot = slot
            self.answer = answer
            ticketBefore = slot.lastTicket
        }

        /// Whether a refusal may stand on an append that was committed: one that was sent before the order came may have
        /// been committed before it came, too, with others' events after it of which only the acknowledgement's readers
        /// know nothing.
        func isSure(with ticket: Ticket) -> Bool {
            guard !isFresh, let ticketBefore else { return true }
            return ticket > ticketBefore
        }

        /// Notes that the log told of a version after the order had come. That counts only where the pipeline has taken
        /// it in, or will be loaded anew: while decisions are under way it takes in nothing, and should they fail, it is
        /// back at a state from before the order.
        func noteFreshness(of version: UInt64) {
            if slot.isOutdated || (slot.pipeline?.confirmed.version ?? 0) >= version { isFresh = true }
        }
    }

    let name: String
    let world: World
    let pageLimit: ReadLimit
    let appends: LogChannel
    let reads: LogChannel
    private(set) var slots: [StreamID: GatewaySlot] = [:]
    /// The highest position of which a client was told, or may have been.
    private(set) var horizon: UInt64 = 0
    /// The versions that clients were shown.
    private(set) var shown: [StreamID: UInt64] = [:]
    private var isAlive = true

    init(_ name: String, _ world: World, _ circumstances: Circumstances, on log: SimulatedLog) {
        self.name = name
        self.world = world
        pageLimit = ReadLimit(events: circumstances.pageLimit)
        appends = LogChannel(world, circumstances, to: log)
        reads = LogChannel(world, circumstances, to: log)
    }

    /// Whether nothing is under way.
    var isIdle: Bool {
        appends.waitingRequests == 0 && reads.waitingRequests == 0 && slots.values.allSatisfy(\.isIdle)
    }

    /// Ends without a word.
    func crash() {
        isAlive = false
        appends.abandon()
        reads.abandon()
        for slot in slots.values { slot.abandon() }
        slots = [:]
    }

    /// Lets an aggregate be loaded anew, as after an audit found its snapshot wrong.
    func forget(_ stream: StreamID) { slots[stream]?.isOutdated = true }

    func advanceHorizon(to position: UInt64) { horizon = max(horizon, position) }

    func advanceHorizon(over events: [RecordedEvent]) {
        if let last = events.last { advanceHorizon(to: last.position) }
    }

    /// Notes what a client was told.
    func noteShown(_ answer: Answer) {
        guard case .obeyed(let revision, _, _) = answer else { return }
        shown[revision.stream] = max(shown[revision.stream] ?? 0, revision.version)
    }

    /// Goes on as a task that is resumed does: soon, and not always in the order of being resumed.
    func resume(_ body: @escaping () -> Void) {
        world.after(0...30) { [weak self] in
            guard let self, isAlive else { return }
            body()
        }
    }

    // MARK: orders

    /// Obeys an order, however often others get in between.
    func obey(_ order: Order, _ answer: @escaping (Answer) -> Void) {
        guard isAlive else { return }
        let slot = slot(of: order.stream)
        guard let key = order.key else { return begin(Run(order, slot, answer)) }
        if let running = slot.runningKeys[key.bytes] {
            return answer(running == key.fingerprint ? .inProgress : .keyReused)
        }
        slot.runningKeys[key.bytes] = key.fingerprint
        begin(
            Run(order, slot) { given in
                slot.runningKeys[key.bytes] = nil
                answer(given)
            })
    }

    private func slot(of stream: StreamID) -> GatewaySlot {
        if let slot = slots[stream] { return slot }
        let slot = GatewaySlot(stream)
        slots[stream] = slot
        return slot
    }

    private func begin(_ run: Run) {
        // A load that is under way may have been answered before the order came.
        run.isFresh = run.slot.needsLoad && !run.slot.isLoading
        decide(run)
    }

    /// Decides, on the newest state there is, and does what the decision asks for.
    func decide(_ run: Run) {
        load(run.slot) { [self] failure in
            if let failure { return run.answer(failure) }
            do {
                let decision = try run.slot.pipeline?.decide(
                    run.order.command, where: run.order.isAllowed, makeID: world.newID)
                switch decision {
                case .append(let ticket, let write): append(write, ticket, run)
                case .settled(let settlement, let basis): settle(settlement, basis, run)
                case nil: run.answer(.fault("\(run.slot.stream) is not loaded"))
                }
            } catch {
                run.answer(.fault("\(run.order) was decided wrongly: \(error)"))
            }
        }
    }
}

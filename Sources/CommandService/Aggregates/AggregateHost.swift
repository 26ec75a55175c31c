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
        /// Where the command must come after others for the same aggregate: their sequence.
        var sequence: CommandSequence?
    }

    /// How an order was answered.
    enum Answer: Sendable {
        /// It was obeyed: the aggregate after it, and the position of the last event that it recorded, if any.
        case obeyed(Revision<State>, position: UInt64?, isReplay: Bool)
        /// It was refused when it first came; this was the answer.
        case replayedRefusal(status: Int, body: [UInt8])
    }

    /// Why a command was not obeyed.
    enum Failure: Error {
        /// The domain refused it.
        case refused(State.Refusal)
        /// The aggregate is not at a version that the client demands.
        case conditionFailed(actual: UInt64)
        /// The key was used for another command.
        case keyReused
        /// The same command is being obeyed.
        case inProgress
        /// The log could not be asked, or did not answer.
        case log(EventLogError)
        /// The aggregate's history, or the domain, is at fault.
        case fault(String)
    }

    private typealias Slot = AggregateCache<State>.Slot

    private static var pageLimit: ReadLimit { ReadLimit(events: 2000, bytes: 1 << 20) }

    private let client: EventLogClient
    private let loop: SocketLoop
    private let cache: AggregateCache<State>
    private let horizon: PositionHorizon
    private let snapshots: SnapshotKeeper<State>
    private let mostCommands: Int
    private var random = SystemRandomNumberGenerator()

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

    /// Begins to obey commands, in their order, and returns without waiting for them.
    ///
    /// - Parameter answered: is called as each is answered, with its place among them.
    func begin(_ orders: [Order], answered: @escaping @Sendable (Int, Result<Answer, Failure>) -> Void) {
        for (index, order) in orders.enumerated() {
            // At once, up to where it has to wait: so they are decided in their order.
            Task.immediate {
                let result: Result<Answer, Failure>
                do throws(Failure) {
                    result = .success(try await obey(order))
                } catch {
                    result = .failure(error)
                }
                answered(index, result)
            }
        }
    }

    private func obey(_ order: Order, _ slot: Slot) async throws(Failure) -> Answer {
        guard let sequence = order.sequence else { return try await obey(order, slot, place: nil) }
        let number = sequence.enter()
        defer { for next in sequence.leave(number) { next.resume() } }
        return try await obey(order, slot, place: (sequence, number))
    }

    private func obey(
        _ order: Order, _ slot: Slot, place: (sequence: CommandSequence, number: Int)?
    ) async throws(Failure) -> Answer {
        // Whether the log told of this state after the command had come: then a refusal may stand on it. A load that
        // was under way may have been answered before.
        var isFresh = slot.needsLoad && !slot.isLoading
        let ticketBefore = slot.lastTicket
        while true {
            if let (sequence, number) = place {
                while !sequence.isTurn(of: number) {
                    await withCheckedContinuation { sequence.wait(number, $0) }
                }
            }
            try await load(slot)
            let now = Timestamp.now()
            switch try decide(order, slot, { UniqueID.version7(at: now, using: &random) }) {
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
        _ order: Order, _ slot: Slot, _ makeID: () -> UniqueID
    ) throws(Failure) -> AggregatePipeline<State>.Decision {
        do throws(ImpossibleEvent) {
            let decision = try slot.pipeline?.decide(order.command, where: order.condition.holds, makeID: makeID)
            guard let decision else { throw ImpossibleEvent("the aggregate is not loaded") }
            return decision
        } catch {
            throw .fault("a command on \(slot.stream) was decided wrongly: \(error)")
        }
    }

    // MARK: with events

    private enum AppendEnd: Sendable {
        /// Committed, in its turn: the aggregate after it.
        case obeyed(Revision<State>, position: UInt64)
        /// Committed, though the pipeline had given it up: only the log knows the state after it.
        case committedUnseen(Commit)
        /// The command was answered before.
        case replayed(KeyedOutcome)
        /// Others were faster; the command is to be decided again. Whether the pipeline knows what the log told.
        case outdated(isKnown: Bool)
        case failed(Failure)
    }

    /// Appends what was decided.
    ///
    /// - Returns: nil where the log refused, because others were faster.
    private func append(
        _ write: StreamWrite, _ ticket: AggregatePipeline<State>.Ticket, isFresh: inout Bool, _ order: Order,
        _ slot: Slot, _ place: (sequence: CommandSequence, number: Int)?
    ) async throws(Failure) -> Answer? {
        let key = order.key.map {
            CommandKey(key: $0.bytes, fingerprint: $0.fingerprint, outcome: RecordedAnswer.obeyed.encoded)
        }
        let request = AppendRequest(command: key, writes: [write])
        // The pipeline must hear of the log's answers in the order in which they come. Tasks that are resumed in an
        // order need not go on in it, so the pipeline is told before the task is resumed.
        let end = await withCheckedContinuation { continuation in
            send(request, ticket, of: slot.stream, place, continuation)
            if let (sequence, number) = place { for next in sequence.sent(number) { next.resume() } }
        }
        switch end {
        case .obeyed(let revision, let position):
            return .obeyed(revision, position: position, isReplay: false)
        case .committedUnseen(let commit):
            do throws(Failure) {
                let revision = try await read(slot.stream, upTo: commit.streamVersions.first)
                return .obeyed(revision, position: commit.position, isReplay: false)
            } catch {
                // It is recorded, so nobody may be told that it is not.
                throw .log(EventLogError(.outcomeUnknown, "the state after a recorded event cannot be read: \(error)"))
            }
        case .replayed(let outcome):
            return try await replay(outcome, slot)
        case .outdated(let isKnown):
            // Others were faster; the log has just told of them.
            if isKnown { isFresh = true }
            return nil
        case .failed(let failure):
            throw failure
        }
    }

    private func send(
        _ request: AppendRequest, _ ticket: AggregatePipeline<State>.Ticket, of stream: StreamID,
        _ place: (sequence: CommandSequence, number: Int)?, _ continuation: CheckedContinuation<AppendEnd, Never>
    ) {
        let host = self
        client.assumeIsolated { client in
            client.append(request) { result in
                let end = host.assumeIsolated { $0.take(result, ticket, of: stream) }
                // At once, not when the task goes on: nothing that comes later may be decided before.
                if case .outdated = end, let (sequence, number) = place { sequence.refused(number) }
                continuation.resume(returning: end)
            }
        }
    }

    /// Takes in how an append ended.
    private func take(
        _ result: Result<AppendResult, EventLogError>, _ ticket: AggregatePipeline<State>.Ticket, of stream: StreamID
    ) -> AppendEnd {
        // Still the same slot: it stays as long as a command uses it.
        let slot = cache.slot(of: stream)
        var committed: AggregatePipeline<State>.Ticket?
        defer { slot.wakeTicketWaiters(committed: committed) }
        switch result {
        case .success(.committed(let commit)):
            horizon.advance(to: commit.position)
            do throws(ImpossibleEvent) {
                guard let revision = try slot.pipeline?.committed(ticket, commit) else {
                    return .committedUnseen(commit)
                }
                committed = ticket
                takeSnapshotWhereDue(revision, slot)
                return .obeyed(revision, position: commit.position)
            } catch {
                return .failed(.fault("a committed event of \(slot.stream) cannot be applied: \(error)"))
            }
        case .success(.conflict(let conflict)):
            do throws(Failure) {
                try learn(of: conflict, slot, refusing: ticket)
                return .outdated(isKnown: slot.knows(conflict.actual))
            } catch {
                return .failed(error)
            }
        case .success(.replayed(let outcome)):
            // What was decided now is not going to be recorded, so nothing may stand on it.
            slot.pipeline?.failed(ticket)
            return .replayed(outcome)
        case .success(.keyReused):
            slot.pipeline?.failed(ticket)
            return .failed(.keyReused)
        case .success(.invalid(let reason)):
            slot.pipeline?.failed(ticket)
            return .failed(.fault("the log refuses an append to \(slot.stream): \(reason)"))
        case .failure(let error):
            slot.pipeline?.failed(ticket)
            return .failed(.log(error))
        }
    }

    /// Takes in what the log told with a conflict.
    private func learn(
        of conflict: AppendConflict, _ slot: Slot, refusing ticket: AggregatePipeline<State>.Ticket?
    ) throws(Failure) {
        horizon.advance(over: conflict.missed)
        let isKnown: Bool
        do throws(RevisionError) {
            if let ticket {
                isKnown = try slot.pipeline?.refused(ticket, conflict) ?? false
            } else {
                isKnown = try slot.pipeline?.learn(conflict.missed, version: conflict.actual) ?? false
            }
        } catch {
            throw .fault(error.description)
        }
        if !isKnown { slot.isOutdated = true }
    }

    // MARK: without events

    /// Answers a command that needs no events, once it is sure that it needs none.
    ///
    /// - Returns: nil where it is to be decided again.
    private func settle(
        _ settlement: AggregatePipeline<State>.Settlement, _ basis: AggregatePipeline<State>.Basis,
        isFresh: inout Bool, ticketBefore: AggregatePipeline<State>.Ticket?, _ order: Order, _ slot: Slot
    ) async throws(Failure) -> Answer? {
        if let key = order.key {
            switch settlement {
            case .nothing:
                switch try await record(.obeyed, key, basis, slot) {
                case .done(let commit):
                    return .obeyed(try await revision(at: commit, slot), position: nil, isReplay: false)
                case .before(let answer): return answer
                case .outdated: return nil
                }
            case .refused(let refusal):
                switch try await record(order.recordOfRefusal(refusal), key, basis, slot) {
                case .done: throw .refused(refusal)
                case .before(let answer): return answer
                case .outdated: return nil
                }
            case .conditionFailed:
                break
            }
        }
        let stands: Bool
        if let ticket = basis.ticket {
            // One that was sent before the command came may have been committed before it came, too, and others' events
            // after it: only its acknowledgement is late.
            let isSure = isFresh || ticketBefore.map { ticket > $0 } ?? true
            stands = await isCommitted(ticket, slot) && isSure
        } else if isFresh {
            stands = true
        } else {
            stands = try await isNewest(slot, isFresh: &isFresh)
        }
        guard stands else { return nil }
        switch settlement {
        case .refused(let refusal): throw .refused(refusal)
        case .conditionFailed(let actual):
            // A command that was obeyed before is answered as it was then, whatever is demanded now. The key is looked
            // up when the condition is known to fail: were it before, the state could go on meanwhile.
            if let key = order.key, let answer = try await replay(key, slot) { return answer }
            throw .conditionFailed(actual: actual)
        case .nothing: return slot.pipeline.map { .obeyed($0.confirmed, position: nil, isReplay: false) }
        }
    }

    private enum Recording {
        /// The answer is recorded, and sure: the log records it only where it stands on the newest state.
        case done(Commit)
        /// The command was answered before.
        case before(Answer)
        /// The answer stood on an older state; the command is to be decided again.
        case outdated
    }

    /// Records under a key how a command without events was answered.
    private func record(
        _ answer: RecordedAnswer, _ key: IdempotencyKey, _ basis: AggregatePipeline<State>.Basis, _ slot: Slot
    ) async throws(Failure) -> Recording {
        let key = CommandKey(key: key.bytes, fingerprint: key.fingerprint, outcome: answer.encoded)
        let write = StreamWrite(stream: slot.stream, expected: basis.expected, events: [])
        let result: AppendResult
        do throws(EventLogError) {
            result = try await client.append(AppendRequest(command: key, writes: [write]))
        } catch {
            throw .log(error)
        }
        switch result {
        case .committed(let commit):
            return .done(commit)
        case .replayed(let outcome):
            return .before(try await replay(outcome, slot))
        case .keyReused:
            throw .keyReused
        case .conflict(let conflict):
            try learn(of: conflict, slot, refusing: nil)
            return .outdated
        case .invalid(let reason):
            throw .fault("the log refuses to record an answer for \(slot.stream): \(reason)")
        }
    }

    // MARK: replays

    /// Answers as a command with this key was answered before; nil where none was.
    private func replay(_ key: IdempotencyKey, _ slot: Slot) async throws(Failure) -> Answer? {
        let bound: BoundOutcome?
        do throws(EventLogError) {
            bound = try await client.outcome(of: key.bytes, in: slot.stream)
        } catch {
            throw .log(Self.harmless(error))
        }
        guard let bound else { return nil }
        guard bound.fingerprint == key.fingerprint else { throw .keyReused }
        return try await replay(bound.outcome, slot)
    }

    private func replay(_ outcome: KeyedOutcome, _ slot: Slot) async throws(Failure) -> Answer {
        horizon.advance(to: outcome.commit.position)
        switch RecordedAnswer(outcome.outcome) {
        case .obeyed:
            return .obeyed(
                try await revision(at: outcome.commit, slot), position: outcome.commit.position, isReplay: true)
        case .refused(let status, let body):
            return .replayedRefusal(status: status, body: body)
        case nil:
            throw .fault("the log keeps an answer for \(slot.stream) that this version of the program cannot read")
        }
    }

    /// The aggregate as a commit left it.
    private func revision(at commit: Commit, _ slot: Slot) async throws(Failure) -> Revision<State> {
        if let confirmed = slot.pipeline?.confirmed, confirmed.version == commit.streamVersions.first {
            return confirmed
        }
        return try await read(slot.stream, upTo: commit.streamVersions.first)
    }

    // MARK: what the log says

    /// Waits for the end of an append under way.
    ///
    /// - Returns: whether it was committed, so that a decision which stood on it holds.
    private func isCommitted(_ ticket: AggregatePipeline<State>.Ticket, _ slot: Slot) async -> Bool {
        // Where it has ended meanwhile, nobody will tell how: the command is decided again.
        guard slot.pipeline?.isPending(ticket) ?? false else { return false }
        return await withCheckedContinuation { slot.wait(for: ticket, $0) }
    }

    /// Asks the log whether the state is its newest, and takes in what is missing.
    private func isNewest(_ slot: Slot, isFresh: inout Bool) async throws(Failure) -> Bool {
        guard let (version, last) = slot.pipeline.map({ ($0.confirmed.version, $0.confirmed.lastEvent) }) else {
            return false
        }
        // From the last event on: a log that was restored may have come to the same version with another.
        let slice = try await readStream(slot.stream, after: version > 0 ? version - 1 : 0)
        if slice.version == version, slice.events.last?.event.id == last, slot.pipeline?.confirmed.lastEvent == last {
            return true
        }
        do throws(RevisionError) {
            let isKnown = try slot.pipeline?.learn(slice.events, version: slice.version) ?? false
            if !isKnown { slot.isOutdated = true }
        } catch {
            throw .fault(error.description)
        }
        if slot.knows(slice.version) { isFresh = true }
        return false
    }

    /// Loads the aggregate from the log where it is not in memory; whoever comes meanwhile waits for the same load.
    private func load(_ slot: Slot) async throws(Failure) {
        while slot.needsLoad {
            if slot.isLoading {
                await withCheckedContinuation { slot.waitForLoad($0) }
                continue
            }
            slot.isLoading = true
            defer {
                slot.isLoading = false
                slot.wakeLoadWaiters()
            }
            let loaded = try await load(slot.stream)
            let revision = loaded.revision
            slot.snapshotVersion = revision.version
            auditSometimes(loaded.snapshot)
            if slot.pipeline == nil {
                slot.pipeline = AggregatePipeline(at: revision)
            } else {
                slot.pipeline?.restart(at: revision)
                slot.wakeTicketWaiters(committed: nil)
            }
            slot.isOutdated = false
        }
    }

    /// Forgets what is held of all aggregates: the log is not what it was.
    func forgetAll() { cache.outdateAll() }

    /// Folds a stream from the log, all of it or up to a version.
    private func read(_ stream: StreamID, upTo version: UInt64?) async throws(Failure) -> Revision<State> {
        try await load(stream, upTo: version).revision
    }

    private func load(
        _ stream: StreamID, upTo version: UInt64? = nil
    ) async throws(Failure) -> LoadedAggregate<State> {
        let loaded: LoadedAggregate<State>
        do throws(AggregateLoadError) {
            // A history without snapshots, as one that was imported, gets them on the way.
            loaded = try await AggregateLoader(client: client).load(stream, upTo: version ?? .max) { revision in
                if snapshots.isDue(from: revision.version - 1, to: revision.version) { keepSnapshot(of: revision) }
            }
        } catch {
            switch error {
            case .log(let error): throw .log(Self.harmless(error))
            case .history(let error): throw .fault(error.description)
            }
        }
        if let position = loaded.position { horizon.advance(to: position) }
        return loaded
    }

    // MARK: snapshots

    private func takeSnapshotWhereDue(_ revision: Revision<State>, _ slot: Slot) {
        defer { slot.snapshotVersion = revision.version }
        // What is to be loaded anew may have been loaded from a wrong one.
        guard !slot.isOutdated else { return }
        if snapshots.isDue(from: slot.snapshotVersion, to: revision.version) { keepSnapshot(of: revision) }
    }

    private func keepSnapshot(of revision: borrowing Revision<State>) {
        guard let snapshot = revision.snapshot else { return }
        snapshots.assumeIsolated { $0.keep(snapshot) }
    }

    private func auditSometimes(_ snapshot: Snapshot?) {
        guard let snapshot else { return }
        snapshots.assumeIsolated { keeper in
            keeper.mayAudit(snapshot) { [weak self] in await self?.forget(snapshot.stream) }
        }
    }

    private func forget(_ stream: StreamID) { cache.slot(of: stream).isOutdated = true }

    private func readStream(_ stream: StreamID, after version: UInt64) async throws(Failure) -> StreamSlice {
        do throws(EventLogError) {
            let slice = try await client.readStream(stream, after: version, limit: Self.pageLimit)
            horizon.advance(over: slice.events)
            return slice
        } catch {
            throw .log(Self.harmless(error))
        }
    }

    /// A read that was not answered has changed nothing.
    private static func harmless(_ error: EventLogError) -> EventLogError {
        EventLogError(error.code == .overloaded ? .overloaded : .unavailable, error.reason)
    }
}

internal import EventLogProtocol
internal import EventSourcing
internal import ZeroMQ

/// Obeys commands: finds the aggregate, decides, has the events made durable, and answers with the aggregate after
/// them.
///
/// An actor on the socket loop that also carries the appends, so a command costs one hop to the loop and one back.
actor AggregateHost<State: Aggregate> {
    /// A command that was obeyed.
    struct Obeyed: Sendable {
        let revision: Revision<State>
        /// The position of the last event that the command recorded; nil where it recorded none.
        let position: UInt64?
    }

    /// Why a command was not obeyed.
    enum Failure: Error {
        /// The domain refused it.
        case refused(State.Refusal)
        /// The log could not be asked, or did not answer.
        case log(EventLogError)
        /// The aggregate's history, or the domain, is at fault.
        case fault(String)
    }

    private typealias Slot = AggregateCache<State>.Slot

    private static var pageLimit: ReadLimit { ReadLimit(events: 10_000, bytes: 1 << 20) }

    private let client: EventLogClient
    private let loop: SocketLoop
    private let cache: AggregateCache<State>
    private let horizon: PositionHorizon
    private var random = SystemRandomNumberGenerator()

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(client: EventLogClient, cacheLimit: Int, horizon: PositionHorizon, on loop: SocketLoop) {
        self.client = client
        self.loop = loop
        self.horizon = horizon
        cache = AggregateCache(limit: cacheLimit)
    }

    /// Obeys a command, however often others get in between.
    func obey(_ command: State.Command, on stream: StreamID) async throws(Failure) -> Obeyed {
        let slot = cache.slot(of: stream)
        slot.users += 1
        defer { slot.users -= 1 }
        // Whether the log told of this state after the command had come: then a refusal may stand on it.
        var isFresh = slot.pipeline == nil
        try await load(slot)
        while true {
            let now = Timestamp.now()
            let decision = try decide(command, slot) { UniqueID.version7(at: now, using: &random) }
            switch decision {
            case .append(let ticket, let write):
                if let obeyed = try await append(write, ticket, slot) { return obeyed }
                // Others were faster; the log has just told of them.
                isFresh = true
            case .nothing(let ticket), .refused(_, let ticket):
                let stands: Bool
                if let ticket {
                    stands = await isCommitted(ticket, slot)
                } else if isFresh {
                    stands = true
                } else {
                    stands = try await isNewest(slot)
                    isFresh = true
                }
                guard stands else { continue }
                if case .refused(let refusal, _) = decision { throw .refused(refusal) }
                guard let revision = slot.pipeline?.confirmed else { continue }
                return Obeyed(revision: revision, position: nil)
            }
        }
    }

    private func decide(
        _ command: State.Command, _ slot: Slot, makeID: () -> UniqueID
    ) throws(Failure) -> AggregatePipeline<State>.Decision {
        do throws(ImpossibleEvent) {
            guard let decision = try slot.pipeline?.decide(command, makeID: makeID) else {
                throw ImpossibleEvent("the aggregate is not loaded")
            }
            return decision
        } catch {
            throw .fault("a command on \(slot.stream) was decided wrongly: \(error)")
        }
    }

    /// Appends what was decided.
    ///
    /// - Returns: nil where the log refused, because others were faster.
    private func append(
        _ write: StreamWrite, _ ticket: AggregatePipeline<State>.Ticket, _ slot: Slot
    ) async throws(Failure) -> Obeyed? {
        let result: AppendResult
        do throws(EventLogError) {
            result = try await client.append(AppendRequest(writes: [write]))
        } catch {
            slot.pipeline?.failed(ticket)
            slot.wakeTicketWaiters(committed: nil)
            throw .log(error)
        }
        var committed: AggregatePipeline<State>.Ticket?
        defer { slot.wakeTicketWaiters(committed: committed) }
        switch result {
        case .committed(let commit):
            horizon.advance(to: commit.position)
            do throws(ImpossibleEvent) {
                if let revision = try slot.pipeline?.committed(ticket, commit) {
                    committed = ticket
                    return Obeyed(revision: revision, position: commit.position)
                }
            } catch {
                throw .fault("a committed event of \(slot.stream) cannot be applied: \(error)")
            }
            // The pipeline had given it up, and yet it was recorded: only the log knows the state after it.
            let revision = try await read(slot.stream, upTo: commit.streamVersions.first)
            return Obeyed(revision: revision, position: commit.position)
        case .conflict(let conflict):
            horizon.advance(over: conflict.missed)
            let isKnown: Bool
            do throws(RevisionError) {
                isKnown = try slot.pipeline?.refused(ticket, conflict) ?? false
            } catch {
                throw .fault(error.description)
            }
            if !isKnown {
                slot.pipeline = nil
                try await load(slot)
            }
            return nil
        case .invalid(let reason):
            slot.pipeline?.failed(ticket)
            throw .fault("the log refuses an append to \(slot.stream): \(reason)")
        case .replayed, .keyReused:
            slot.pipeline?.failed(ticket)
            throw .fault("the log knows a key of an append to \(slot.stream) that had none")
        }
    }

    /// Waits for the end of an append under way.
    ///
    /// - Returns: whether it was committed, so that a decision which stood on it holds.
    private func isCommitted(_ ticket: AggregatePipeline<State>.Ticket, _ slot: Slot) async -> Bool {
        await withCheckedContinuation { slot.wait(for: ticket, $0) }
    }

    /// Asks the log whether the state is its newest, and takes in what is missing.
    private func isNewest(_ slot: Slot) async throws(Failure) -> Bool {
        guard let version = slot.pipeline?.confirmed.version else { return false }
        let slice = try await readStream(slot.stream, after: version)
        if slice.version == version, slot.pipeline?.confirmed.version == version { return true }
        do throws(RevisionError) {
            let isKnown = try slot.pipeline?.learn(slice.events, version: slice.version) ?? false
            if !isKnown { slot.pipeline = nil }
        } catch {
            throw .fault(error.description)
        }
        try await load(slot)
        return false
    }

    /// Loads the aggregate from the log where it is not in memory; whoever comes meanwhile waits for the same load.
    private func load(_ slot: Slot) async throws(Failure) {
        while slot.pipeline == nil {
            if slot.isLoading {
                await withCheckedContinuation { slot.waitForLoad($0) }
                continue
            }
            slot.isLoading = true
            defer {
                slot.isLoading = false
                slot.wakeLoadWaiters()
            }
            slot.pipeline = AggregatePipeline(at: try await read(slot.stream, upTo: nil))
        }
    }

    /// Folds a stream's events from the log, all of them or up to a version.
    private func read(_ stream: StreamID, upTo version: UInt64?) async throws(Failure) -> Revision<State> {
        var revision = Revision<State>(of: stream)
        while true {
            let slice = try await readStream(stream, after: revision.version)
            do throws(RevisionError) {
                for record in slice.events {
                    try revision.apply(record)
                    if revision.version == version { return revision }
                }
            } catch {
                throw .fault(error.description)
            }
            if slice.events.isEmpty || revision.version >= slice.version { return revision }
        }
    }

    private func readStream(_ stream: StreamID, after version: UInt64) async throws(Failure) -> StreamSlice {
        do throws(EventLogError) {
            let slice = try await client.readStream(stream, after: version, limit: Self.pageLimit)
            horizon.advance(over: slice.events)
            return slice
        } catch {
            // A read that was not answered has changed nothing.
            throw .log(EventLogError(error.code == .overloaded ? .overloaded : .unavailable, error.reason))
        }
    }
}

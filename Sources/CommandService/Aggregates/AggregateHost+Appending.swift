internal import EventLogProtocol
internal import EventSourcing
internal import ZeroMQ

/// Commands that lead to events.
extension AggregateHost {
    enum AppendEnd: Sendable {
        /// Committed, in its turn: the aggregate after it.
        case obeyed(Revision<State>, position: UInt64)
        /// Committed, though the pipeline had given it up: only the log knows the state after it.
        case committedUnseen(Commit)
        /// The command was answered before.
        case replayed(KeyedOutcome)
        /// Others were faster; the command is to be decided again. Whether the pipeline knows what the log told.
        case outdated(isKnown: Bool)
        case failed(Failure)

        /// Whether what was sent is recorded, so that what stands on it may be, too.
        var isCommitted: Bool {
            switch self {
            case .obeyed, .committedUnseen: true
            case .replayed, .outdated, .failed: false
            }
        }
    }

    /// Appends what was decided.
    ///
    /// - Returns: nil where the log refused, because others were faster.
    func append(
        _ write: StreamWrite, _ ticket: AggregatePipeline<State>.Ticket, _ progress: inout Progress, _ order: Order,
        _ slot: Slot, _ place: Place?
    ) async throws(Failure) -> Answer? {
        let end = await withCheckedContinuation { continuation in
            // Before it is sent: where there is no room for it, it has ended already when that returns.
            if let place { slot.sequence.sent(place) }
            send(write, ticket, order, slot, place) { continuation.resume(returning: $0) }
        }
        return try await answer(after: end, &progress, slot)
    }

    /// The answer to a command whose append has ended.
    ///
    /// - Returns: nil where the log refused it, because others were faster.
    func answer(
        after end: AppendEnd, _ progress: inout Progress, _ slot: Slot
    ) async throws(Failure) -> Answer? {
        switch end {
        case .obeyed(let revision, let position):
            return .obeyed(revision, position: position, isReplay: false)
        case .committedUnseen(let commit):
            return .obeyed(try await revision(at: commit, progress, slot), position: commit.position, isReplay: false)
        case .replayed(let outcome):
            return try await replay(outcome, progress, slot)
        case .outdated(let isKnown):
            // Others were faster; the log has just told of them.
            if isKnown { progress.isFresh = true }
            return nil
        case .failed(let failure):
            throw failure
        }
    }

    /// Sends what was decided, and tells how it ended on the loop's thread.
    ///
    /// The pipeline must hear of the log's answers in the order in which they come. Tasks that are resumed in an order
    /// need not go on in it, so the pipeline is told before anybody else.
    func send(
        _ write: StreamWrite, _ ticket: AggregatePipeline<State>.Ticket, _ order: Order, _ slot: Slot, _ place: Place?,
        _ ended: @escaping (AppendEnd) -> Void
    ) {
        let key = order.key.map {
            CommandKey(key: $0.bytes, fingerprint: $0.fingerprint, outcome: RecordedAnswer.obeyed.encoded)
        }
        let request = AppendRequest(command: key, writes: [write])
        let host = self
        // The compiler cannot see that both actors run on one loop; `assumeIsolated` checks it.
        nonisolated(unsafe) let (slot, ended) = (slot, ended)
        client.assumeIsolated { client in
            client.append(request) { reply in
                let end = host.assumeIsolated { $0.take(reply, ticket, slot) }
                // At once, not when a task goes on: nothing that comes later may be decided before what stood on it.
                switch (place, end.isCommitted) {
                case (_?, true): slot.lastInSequence = .now
                case (let place?, false): slot.sequence.refused(place)
                case (nil, false): slot.sequence.doubtAll()
                case (nil, true): break
                }
                ended(end)
            }
        }
    }

    /// Takes in how an append ended.
    func take(
        _ reply: Result<LogReply, EventLogError>, _ ticket: AggregatePipeline<State>.Ticket, _ slot: Slot
    ) -> AppendEnd {
        var committed: AggregatePipeline<State>.Ticket?
        defer { slot.wakeTicketWaiters(committed: committed) }
        switch Result<AppendResult, EventLogError>(catching: { () throws(EventLogError) in
            try AppendResult(reply.get())
        }) {
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
                return .outdated(isKnown: slot.knows(conflict.streams[0].actual))
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
    func learn(
        of conflict: AppendConflict, _ slot: Slot, refusing ticket: AggregatePipeline<State>.Ticket?
    ) throws(Failure) {
        horizon.advance(over: conflict.streams[0].missed)
        let isKnown: Bool
        do throws(RevisionError) {
            if let ticket {
                isKnown = try slot.pipeline?.refused(ticket, conflict) ?? false
            } else {
                isKnown =
                    try slot.pipeline?.learn(
                        conflict.streams[0].missed, version: conflict.streams[0].actual) ?? false
            }
        } catch {
            throw .fault(error.description)
        }
        if !isKnown { slot.outdate() }
    }
}

internal import CommandService
internal import EventLogProtocol
internal import EventSourcing

extension Gateway {
    typealias Ticket = AggregatePipeline<Counter>.Ticket

    /// Appends what was decided. The pipeline is told of the answer at once, in the order in which answers come.
    func append(_ write: StreamWrite, _ ticket: Ticket, _ run: Run) {
        world.trace("\(name): appends \(run.order)")
        if let last = run.slot.lastTicket, run.slot.pipeline?.isPending(last) == true { world.saw(.pipelined) }
        run.slot.lastTicket = ticket
        let key = run.order.key.map {
            CommandKey(key: $0.bytes, fingerprint: $0.fingerprint, outcome: RecordedAnswer.obeyed.encoded)
        }
        appends.send(.append(AppendRequest(command: key, writes: [write]))) { [self] result in
            take(result, ticket, run)
        }
    }

    /// Takes in how an append ended.
    private func take(_ result: Result<LogReply, EventLogError>, _ ticket: Ticket, _ run: Run) {
        let slot = run.slot
        var committed: Ticket?
        defer { slot.wakeTicketWaiters(committed: committed) }
        switch result {
        case .success(.append(.committed(let commit))):
            advanceHorizon(to: commit.position)
            do {
                guard let revision = try slot.pipeline?.committed(ticket, commit) else {
                    world.saw(.committedUnseen)
                    return resume { [self] in answerUnseen(commit, run) }
                }
                committed = ticket
                resume { run.answer(.obeyed(revision, position: commit.position, isReplay: false)) }
            } catch {
                resume { run.answer(.fault("a committed event cannot be applied: \(error)")) }
            }
        case .success(.append(.conflict(let conflict))):
            if let last = slot.lastTicket, last > ticket, slot.pipeline?.isPending(last) == true { world.saw(.unwound) }
            if let fault = learn(of: conflict, slot, refusing: ticket) { return resume { run.answer(fault) } }
            // Others were faster; the log has just told of them.
            run.noteFreshness(of: conflict.streams[0].actual)
            resume { [self] in decide(run) }
        case .success(.append(.replayed(let outcome))):
            // What was decided now is not going to be recorded, so nothing may stand on it.
            slot.pipeline?.failed(ticket)
            resume { [self] in replay(outcome, run) }
        case .success(.append(.keyReused)):
            slot.pipeline?.failed(ticket)
            resume { run.answer(.keyReused) }
        case .success(let reply):
            slot.pipeline?.failed(ticket)
            resume { run.answer(.fault("an append was answered by \(reply)")) }
        case .failure(let error):
            slot.pipeline?.failed(ticket)
            resume { run.answer(.failed(error.code)) }
        }
    }

    /// Answers an order whose events were committed though the pipeline had given them up: only the log knows the
    /// state after them.
    private func answerUnseen(_ commit: Commit, _ run: Run) {
        read(run.slot.stream, upTo: commit.streamVersions[0]) { result in
            switch result {
            case .success(let revision):
                run.answer(.obeyed(revision, position: commit.position, isReplay: false))
            case .failure:
                // It is recorded, so nobody may be told that it is not.
                run.answer(.failed(.outcomeUnknown))
            }
        }
    }

    /// Takes in what the log told with a conflict.
    ///
    /// - Returns: the answer to give where the history is at fault.
    func learn(of conflict: AppendConflict, _ slot: GatewaySlot, refusing ticket: Ticket?) -> Answer? {
        advanceHorizon(over: conflict.streams[0].missed)
        do throws(RevisionError) {
            let isKnown: Bool?
            if let ticket {
                isKnown = try slot.pipeline?.refused(ticket, conflict)
            } else {
                isKnown = try slot.pipeline?.learn(
                    conflict.streams[0].missed, version: conflict.streams[0].actual)
            }
            if isKnown != true { slot.isOutdated = true }
            return nil
        } catch {
            return .fault(error.description)
        }
    }

    /// Answers as the command was answered when it first came.
    func replay(_ outcome: KeyedOutcome, _ run: Run) {
        let commit = outcome.commit
        advanceHorizon(to: commit.position)
        switch RecordedAnswer(outcome.outcome) {
        case .obeyed:
            revision(at: commit, run) { run.answer(.obeyed($0, position: commit.position, isReplay: true)) }
        case .refused(let refusal):
            run.answer(.refused(refusal, isReplay: true))
        case nil:
            run.answer(.fault("the log keeps an answer that cannot be read"))
        }
    }

    /// The counter as a commit left it.
    func revision(at commit: Commit, _ run: Run, _ found: @escaping (Revision<Counter>) -> Void) {
        // It is recorded, so nobody may be told that it is not.
        revision(at: commit.streamVersions[0], run, whenUnread: .failed(.outcomeUnknown), found)
    }

    /// The counter as it was at a version.
    ///
    /// - Parameter unread: the answer to give where it cannot be read; nil: what the failure says.
    func revision(
        at version: UInt64, _ run: Run, whenUnread unread: Answer? = nil, _ found: @escaping (Revision<Counter>) -> Void
    ) {
        if let confirmed = run.slot.pipeline?.confirmed, confirmed.version == version { return found(confirmed) }
        read(run.slot.stream, upTo: version) { result in
            switch result {
            case .success(let revision): found(revision)
            case .failure(let failure): run.answer(unread ?? failure.answer)
            }
        }
    }
}

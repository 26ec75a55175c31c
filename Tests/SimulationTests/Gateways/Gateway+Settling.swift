internal import CommandService
internal import EventLogProtocol
internal import EventSourcing

/// Orders that need no events are answered once it is sure that they need none.
extension Gateway {
    typealias Settlement = AggregatePipeline<Counter>.Settlement
    typealias Basis = AggregatePipeline<Counter>.Basis

    func settle(_ settlement: Settlement, _ basis: Basis, _ run: Run) {
        guard let key = run.order.key else { return confirm(settlement, basis, run) }
        switch settlement {
        case .nothing:
            record(.obeyed, key, basis, run) { [self] commit in
                revision(at: commit, run) { run.answer(.obeyed($0, position: nil, isReplay: false)) }
            }
        case .refused(let refusal):
            record(.refused(refusal), key, basis, run) { _ in run.answer(.refused(refusal, isReplay: false)) }
        case .conditionFailed:
            confirm(settlement, basis, run)
        }
    }

    /// Records under a key how a command without events was answered. The log does so only where the answer stands on
    /// the newest state.
    private func record(
        _ answer: RecordedAnswer, _ key: Order.Key, _ basis: Basis, _ run: Run, _ recorded: @escaping (Commit) -> Void
    ) {
        let command = CommandKey(key: key.bytes, fingerprint: key.fingerprint, outcome: answer.encoded)
        let write = StreamWrite(stream: run.slot.stream, expected: basis.expected, events: [])
        appends.send(.append(AppendRequest(command: command, writes: [write]))) { [self] result in
            resume { [self] in
                switch result {
                case .success(.append(.committed(let commit))):
                    recorded(commit)
                case .success(.append(.replayed(let outcome))):
                    replay(outcome, run)
                case .success(.append(.keyReused)):
                    run.answer(.keyReused)
                case .success(.append(.conflict(let conflict))):
                    if let fault = learn(of: conflict, run.slot, refusing: nil) { return run.answer(fault) }
                    decide(run)
                case .success(let reply):
                    run.answer(.fault("the record of an answer was answered by \(reply)"))
                case .failure(let error):
                    run.answer(.failed(error.code))
                }
            }
        }
    }

    /// Answers once the log has confirmed what the decision stood on; where it does not, decides again.
    private func confirm(_ settlement: Settlement, _ basis: Basis, _ run: Run) {
        let confirmed: (Bool) -> Void = { [self] stands in
            guard stands else { return decide(run) }
            switch settlement {
            case .refused(let refusal): run.answer(.refused(refusal, isReplay: false))
            case .conditionFailed(let actual): answerFailedCondition(actual, run)
            case .nothing:
                // As it was decided on; others' events may have come since.
                guard case .exactly(let version, _) = basis.expected else {
                    return run.answer(.fault("\(run.slot.stream) is not loaded"))
                }
                revision(at: version, run) { run.answer(.obeyed($0, position: nil, isReplay: false)) }
            }
        }
        if let ticket = basis.ticket {
            waitForCommit(of: ticket, run.slot) { [world] isCommitted in
                if isCommitted { world.saw(.confirmedByCommit) }
                confirmed(isCommitted && run.isSure(with: ticket))
            }
        } else if run.isFresh {
            confirmed(true)
        } else {
            askWhetherNewest(run, confirmed)
        }
    }

    /// A command that was obeyed before is answered as it was then, whatever is demanded now. The key is looked up when
    /// the condition is known to fail: were it before, the state could go on meanwhile.
    private func answerFailedCondition(_ actual: UInt64, _ run: Run) {
        guard let key = run.order.key else { return run.answer(.conditionFailed(actual: actual)) }
        outcome(of: key, in: run.slot.stream) { [self] result in
            switch result {
            case .success(nil): run.answer(.conditionFailed(actual: actual))
            case .success(let bound?) where bound.fingerprint == key.fingerprint: replay(bound.outcome, run)
            case .success: run.answer(.keyReused)
            case .failure(let failure): run.answer(failure.answer)
            }
        }
    }

    private func waitForCommit(of ticket: Ticket, _ slot: GatewaySlot, _ confirmed: @escaping (Bool) -> Void) {
        // Where it has ended meanwhile, nobody will tell how: the command is decided again.
        guard slot.pipeline?.isPending(ticket) ?? false else { return resume { confirmed(false) } }
        slot.wait(for: ticket) { [self] isCommitted in resume { confirmed(isCommitted) } }
    }

    /// Asks the log whether the state is its newest, and takes in what is missing.
    private func askWhetherNewest(_ run: Run, _ confirmed: @escaping (Bool) -> Void) {
        let slot = run.slot
        guard let version = slot.pipeline?.confirmed.version else { return confirmed(false) }
        readStream(slot.stream, after: version) { [self] result in
            switch result {
            case .failure(let failure):
                run.answer(failure.answer)
            case .success(let slice):
                advanceHorizon(over: slice.events)
                if slice.version == version, slot.pipeline?.confirmed.version == version {
                    world.saw(.confirmedByReading)
                    return confirmed(true)
                }
                world.saw(.outdatedByReading)
                do throws(RevisionError) {
                    let isKnown = try slot.pipeline?.learn(slice.events, version: slice.version) ?? false
                    if !isKnown { slot.isOutdated = true }
                    run.noteFreshness(of: slice.version)
                    confirmed(false)
                } catch {
                    run.answer(.fault(error.description))
                }
            }
        }
    }
}

public import EventLogProtocol
public import EventSourcing

/// What commands need of the log before they are decided, and after.
extension CommandMachine {
    /// Whether an aggregate is in memory; if not, the command waits for it.
    mutating func isLoaded(_ slot: Slot, for run: Run) -> Bool {
        guard slot.state.needsLoad else { return true }
        run.enter(.waitingForState)
        if slot.waitForLoad(run) { request(.load(slot)) }
        return false
    }

    /// An aggregate was loaded, or could not be.
    public mutating func loaded(
        _ slot: Slot, _ result: Result<Revision<State>, Failure>, at now: CommandMoment
    ) {
        switch result {
        case .success(let revision):
            for run in slot.loaded(revision) { wake(run) }
            wakeNext(in: slot)
        case .failure(let failure):
            for run in slot.loaded(nil) { finish(run, .failure(failure)) }
        }
        proceedWithReady(now)
    }

    /// Whether the event that a command refers to is known, if it refers to any; if not, the command waits for it.
    mutating func knowsReferredEvent(_ run: Run) -> Bool {
        guard let version = State.referredVersion(in: run.order.command) else { return true }
        if case .read(_, run.slot.state.history) = run.referred { return true }
        guard version > 0, version <= run.slot.state.confirmed.version else {
            // It is under way, or there is none.
            run.referred = .underWay(run.slot.state.pendingEvent(at: version))
            return true
        }
        run.enter(.waitingForState)
        request(.readEvent(run, version: version))
        return false
    }

    /// The event that a command refers to was read, or could not be; nil: there is none.
    public mutating func readEvent(_ run: Run, _ result: Result<State.Event?, Failure>, at now: CommandMoment) {
        switch result {
        case .success(let event):
            run.referred = .read(event, history: run.slot.state.history)
            wake(run)
        case .failure(let failure):
            finish(run, .failure(failure))
        }
        proceedWithReady(now)
    }

    /// What the log keeps under a command's key, once it is sure how the command ends if it was not executed before.
    public mutating func foundOutcome(
        _ run: Run, _ result: Result<BoundOutcome?, EventLogError>, at now: CommandMoment
    ) {
        if case .findingOutcome(let failure) = run.phase {
            switch result {
            case .success(nil): finish(run, .failure(failure))
            case .success(let bound?) where bound.fingerprint == run.order.key?.fingerprint: replay(bound.outcome, run)
            case .success: finish(run, .failure(.keyReused))
            case .failure(let error): finish(run, .failure(.log(error.asRead)))
            }
        }
        proceedWithReady(now)
    }

    /// The aggregate after a command that was executed.
    public mutating func readRevision(
        _ run: Run, _ result: Result<Revision<State>, Failure>, at now: CommandMoment
    ) {
        if case .readingRevision(let position, let executor) = run.phase {
            switch result {
            case .success(let revision):
                finish(
                    run, .success(.executed(revision, position: position, isReplay: executor.isAnother(revision))))
            case .failure(.unreadable(let error)):
                finish(run, .failure(.unreadable(error)))
            case .failure(let failure):
                // The command is recorded, so nobody may be told that it is not.
                let reason = "the state after a recorded command cannot be read: \(failure)"
                finish(run, .failure(.log(EventLogError(.outcomeUnknown, reason))))
            }
        }
        proceedWithReady(now)
    }

    // MARK: replays

    /// Answers with what the log keeps under the command's key.
    ///
    /// If that is of the very append that was sent now, nobody was answered with it before: an append that a log did not answer,
    /// since it lost the lead or its connection, is sent again, and the key is known by then. To the client, who sent the
    /// command once, it is no repetition.
    ///
    /// - Parameter append: what was sent now; nil: nothing was.
    mutating func replay(_ outcome: KeyedOutcome, _ run: Run, deciding append: Append? = nil) {
        let (commit, kept) = (outcome.commit, KeptAnswer(outcome.outcome))
        let isOwn = append != nil && kept?.decision == append?.decision
        switch kept?.answer {
        case .obeyed:
            answer(
                run, at: commit.streamVersions.first ?? 0, commit.position,
                by: isOwn ? .itself : .firstUnderKey(unless: append?.decision))
        case .refused(let status, let body):
            if isOwn, let failure = append?.end.failure(at: commit.position) {
                return finish(run, .failure(failure))
            }
            finish(run, .success(.replayedRefusal(status: status, body: body, position: commit.position)))
        case nil:
            finish(
                run,
                .failure(.fault("the log keeps an answer for \(run.slot.stream) that this program cannot read")))
        }
    }

    /// Answers with the aggregate as it was at a version.
    mutating func answer(_ run: Run, at version: UInt64, _ position: UInt64, by executor: Run.Executor) {
        if !run.slot.state.needsLoad, run.slot.state.confirmed.version == version {
            let revision = run.slot.state.confirmed
            return finish(
                run, .success(.executed(revision, position: position, isReplay: executor.isAnother(revision))))
        }
        run.enter(.readingRevision(position: position, executor))
        for slot in run.sequences { wakeNext(in: slot) }
        request(.readRevision(run, version: version))
    }

    // MARK: pauses

    /// The pause before a command is decided again is over.
    public mutating func pauseEnded(_ run: Run, at now: CommandMoment) {
        wake(run)
        proceedWithReady(now)
    }
}

extension EventLogError {
    /// A read that was not answered has changed nothing.
    public var asRead: EventLogError { EventLogError(code == .overloaded ? .overloaded : .unavailable, reason) }
}

public import EventLogProtocol
public import EventSourcing

/// What the log answers to appends.
extension CommandMachine {
    /// The log has answered an append, or will not. To be called in the order in which the answers come.
    public mutating func appended(
        _ append: Append, _ result: Result<AppendResult, EventLogError>, at now: CommandMoment
    ) {
        let run = append.run
        switch result {
        case .success(.committed(let commit)):
            committed(append, commit, now)
        case .success(.conflict(let conflict)):
            refused(append, conflict, now)
        case .success(.replayed(let outcome)):
            // What was decided now is not going to be recorded, so nothing may stand on it; or it was recorded when the log
            // was asked first, and did not answer.
            giveUp(append)
            replay(outcome, run, deciding: append)
        case .success(.keyReused):
            giveUp(append)
            finish(run, .failure(.keyReused))
        case .success(.invalid(let reason)):
            giveUp(append)
            finish(run, .failure(.fault("the log refuses an append to \(run.slot.stream): \(reason)")))
        case .failure(let error) where error.code == .overloaded && !run.attempts.isOver(at: now.instant):
            // Nothing was recorded, and the command has time: it is decided again when the log may have less to do.
            giveUp(append)
            run.enter(.pausing)
            request(.pause(run, .milliseconds(Int64.random(in: 20...100, using: &random))))
        case .failure(let error):
            giveUp(append)
            let isCheck = append.record == nil || (append.request.isCheck)
            finish(run, .failure(.log(isCheck ? error.asRead : error)))
        }
        proceedWithReady(now)
    }

    // MARK: committed

    private mutating func committed(_ append: Append, _ commit: Commit, _ now: CommandMoment) {
        let run = append.run
        lastRecorded = max(lastRecorded, commit.recordedAt)
        var isKnown = false
        do throws(ImpossibleEvent) {
            isKnown = try append.own.slot.state.committed(append, append.own, at: commit.recordedAt)
            for part in append.others { _ = try part.slot.state.committed(append, part, at: commit.recordedAt) }
        } catch {
            return finish(
                run, .failure(.fault("a committed event of \(run.slot.stream) cannot be applied: \(error)")))
        }
        keepSnapshotIfDue(of: append.own.slot)
        for part in append.others { keepSnapshotIfDue(of: part.slot) }
        for slot in run.sequences { slot.lastInSequence = now.instant }
        guard case .executed = append.end else { return notExecuted(append, at: commit.position) }
        if isKnown {
            finish(
                run, .success(.executed(run.slot.state.confirmed, position: commit.position, isReplay: false)))
        } else {
            answer(run, at: commit.streamVersions.first ?? 0, commit.position, by: .itself)
        }
    }

    private mutating func keepSnapshotIfDue(of slot: Slot) {
        if slot.state.takesSnapshot(by: snapshots) { request(.keepSnapshot(slot.state.confirmed)) }
    }

    /// It is confirmed, at a position of the log, why the command of an append is not executed.
    private mutating func notExecuted(_ append: Append, at position: UInt64) {
        let run = append.run
        guard let failure = append.end.failure(at: position) else { return }
        guard run.order.key != nil, append.record == nil else { return finish(run, .failure(failure)) }
        // A command that was answered before is answered as it was then, whatever is demanded now and whatever binds
        // a key. The key is looked up once it is sure how the command ends: before, the state could go on.
        run.enter(.findingOutcome(failure))
        for slot in run.sequences { wakeNext(in: slot) }
        request(.findOutcome(run))
    }

    // MARK: refused

    /// Others were faster: the command is decided again on what the log told.
    private mutating func refused(_ append: Append, _ conflict: AppendConflict, _ now: CommandMoment) {
        let run = append.run
        giveUp(append, conflict)
        // Another course of its stream may have another event there.
        run.referred = .unknown
        for stream in conflict.streams {
            guard let slot = append.part(stream.write)?.slot, slot.stream == stream.stream else {
                return finish(
                    run, .failure(.fault("the log tells of a conflict on another stream than was appended to")))
            }
            do throws(RevisionError) {
                try slot.state.learn(stream)
            } catch {
                // The next command finds it again when it loads the aggregate.
                slot.state.outdate()
                return finish(run, .failure(.unreadable(error)))
            }
        }
        guard let pause = run.attempts.pauseBeforeNextDecision(at: now.instant, using: &random) else {
            return finish(run, .failure(Self.tooLate(run.slot.stream)))
        }
        if pause == .zero { return wake(run) }
        run.enter(.pausing)
        request(.pause(run, pause))
    }

    /// Gives up an append that is not recorded, as far as is known, and everything that stands on it: the log refuses
    /// that, too, and each command is to be decided again when it does.
    private mutating func giveUp(_ first: Append, _ conflict: AppendConflict? = nil) {
        first.run.doom()
        var given = [first]
        while let append = given.popLast() {
            for part in append.parts {
                let isInConflict =
                    append === first && conflict?.streams.contains { $0.stream == part.slot.stream } ?? false
                let later = part.slot.state.giveUp(append, withLater: isInConflict || !part.events.isEmpty)
                for append in later { append.run.doom() }
                given += later
            }
        }
    }
}

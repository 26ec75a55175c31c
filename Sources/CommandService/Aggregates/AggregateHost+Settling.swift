internal import EventLogProtocol
internal import EventSourcing
internal import ZeroMQ

/// Commands that lead to no events, and those that were answered before.
extension AggregateHost {
    /// Answers a command that needs no events, once it is sure that it needs none.
    ///
    /// - Returns: nil where it is to be decided again.
    func settle(
        _ settlement: AggregatePipeline<State>.Settlement, _ basis: AggregatePipeline<State>.Basis,
        _ progress: inout Progress, _ order: Order, _ slot: Slot
    ) async throws(Failure) -> Answer? {
        // Of what came up to here the decision took account, or it is going to be made again.
        var position = horizon.position
        if let key = order.key, let record = recordOf(settlement, order) {
            switch try await self.record(record, key, basis, progress, slot) {
            case .done(let commit):
                // At the position that is kept with the key, which every repetition tells, too.
                if case .refused(let refusal) = settlement { throw .refused(refusal, position: commit.position) }
                return .obeyed(try await revision(at: commit, progress, slot), position: nil, isReplay: false)
            case .before(let answer): return answer
            case .outdated: return nil
            }
        }
        let stands: Bool
        if let ticket = basis.ticket {
            // One that was sent before the command came may have been committed before it came, too, and others' events
            // after it: only its acknowledgement is late.
            let isSure = progress.isFresh || progress.ticketBefore.map { ticket > $0 } ?? true
            stands = await isCommitted(ticket, slot) && isSure
            // It stands on an event whose position is known only now.
            position = horizon.position
        } else if progress.isFresh {
            stands = true
        } else {
            try requireTime(progress, slot)
            stands = try await isNewest(slot, isFresh: &progress.isFresh)
        }
        guard stands else { return nil }
        // A command that was answered before is answered as it was then, whatever is demanded now and whatever binds a
        // key. The key is looked up when it is sure how the command ends: were it before, the state could go on meanwhile.
        if let key = order.key {
            try requireTime(progress, slot)
            if let answer = try await replay(key, progress, slot) { return answer }
        }
        switch settlement {
        case .refused(let refusal): throw .refused(refusal, position: position)
        case .conditionFailed(let actual): throw .conditionFailed(actual: actual, position: position)
        case .nothing:
            // As it was decided on; others' events may have come since.
            guard case .exactly(let version, _) = basis.expected else { return nil }
            return .obeyed(try await revision(at: version, progress, slot), position: nil, isReplay: false)
        }
    }

    /// What is to be kept with the key of a command without events; nil: it binds no key.
    private func recordOf(
        _ settlement: AggregatePipeline<State>.Settlement, _ order: Order
    ) -> RecordedAnswer? {
        switch settlement {
        case .nothing: .obeyed
        case .refused(let refusal): order.recordOfRefusal(refusal)
        case .conditionFailed: nil
        }
    }

    enum Recording {
        /// The answer is recorded, and sure: the log records it only where it stands on the newest state.
        case done(Commit)
        /// The command was answered before.
        case before(Answer)
        /// The answer stood on an older state; the command is to be decided again.
        case outdated
    }

    /// Records under a key how a command without events was answered.
    func record(
        _ answer: RecordedAnswer, _ key: IdempotencyKey, _ basis: AggregatePipeline<State>.Basis,
        _ progress: Progress, _ slot: Slot
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
            return .before(try await replay(outcome, progress, slot))
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
    func replay(_ key: IdempotencyKey, _ progress: Progress, _ slot: Slot) async throws(Failure) -> Answer? {
        let bound: BoundOutcome?
        do throws(EventLogError) {
            bound = try await client.outcome(of: key.bytes, in: slot.stream)
        } catch {
            throw .log(Self.harmless(error))
        }
        guard let bound else { return nil }
        guard bound.fingerprint == key.fingerprint else { throw .keyReused }
        return try await replay(bound.outcome, progress, slot)
    }

    func replay(_ outcome: KeyedOutcome, _ progress: Progress, _ slot: Slot) async throws(Failure) -> Answer {
        horizon.advance(to: outcome.commit.position)
        switch RecordedAnswer(outcome.outcome) {
        case .obeyed:
            return .obeyed(
                try await revision(at: outcome.commit, progress, slot), position: outcome.commit.position,
                isReplay: true)
        case .refused(let status, let body):
            return .replayedRefusal(status: status, body: body, position: outcome.commit.position)
        case nil:
            throw .fault("the log keeps an answer for \(slot.stream) that this version of the program cannot read")
        }
    }

    /// The aggregate as a commit left it.
    func revision(
        at commit: Commit, _ progress: Progress, _ slot: Slot
    ) async throws(Failure) -> Revision<State> {
        do throws(Failure) {
            return try await revision(at: commit.streamVersions.first, progress, slot)
        } catch {
            // The command is recorded, so nobody may be told that it is not.
            throw .log(EventLogError(.outcomeUnknown, "the state after a recorded command cannot be read: \(error)"))
        }
    }

    /// The aggregate as it was at a version.
    private func revision(
        at version: UInt64?, _ progress: Progress, _ slot: Slot
    ) async throws(Failure) -> Revision<State> {
        if let confirmed = slot.pipeline?.confirmed, confirmed.version == version { return confirmed }
        return try await load(slot.stream, upTo: version, by: progress.deadline).revision
    }
}

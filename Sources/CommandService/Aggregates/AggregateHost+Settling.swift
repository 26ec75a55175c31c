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
        isFresh: inout Bool, ticketBefore: AggregatePipeline<State>.Ticket?, _ order: Order, _ slot: Slot
    ) async throws(Failure) -> Answer? {
        // Of what came up to here the decision took account, or it is going to be made again.
        var position = horizon.position
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
                case .done: throw .refused(refusal, position: position)
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
            // It stands on an event whose position is known only now.
            position = horizon.position
        } else if isFresh {
            stands = true
        } else {
            stands = try await isNewest(slot, isFresh: &isFresh)
        }
        guard stands else { return nil }
        switch settlement {
        case .refused(let refusal): throw .refused(refusal, position: position)
        case .conditionFailed(let actual):
            // A command that was obeyed before is answered as it was then, whatever is demanded now. The key is looked
            // up when the condition is known to fail: were it before, the state could go on meanwhile.
            if let key = order.key, let answer = try await replay(key, slot) { return answer }
            throw .conditionFailed(actual: actual, position: position)
        case .nothing: return slot.pipeline.map { .obeyed($0.confirmed, position: nil, isReplay: false) }
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
    func replay(_ key: IdempotencyKey, _ slot: Slot) async throws(Failure) -> Answer? {
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

    func replay(_ outcome: KeyedOutcome, _ slot: Slot) async throws(Failure) -> Answer {
        horizon.advance(to: outcome.commit.position)
        switch RecordedAnswer(outcome.outcome) {
        case .obeyed:
            return .obeyed(
                try await revision(at: outcome.commit, slot), position: outcome.commit.position, isReplay: true)
        case .refused(let status, let body):
            return .replayedRefusal(status: status, body: body, position: outcome.commit.position)
        case nil:
            throw .fault("the log keeps an answer for \(slot.stream) that this version of the program cannot read")
        }
    }

    /// The aggregate as a commit left it.
    func revision(at commit: Commit, _ slot: Slot) async throws(Failure) -> Revision<State> {
        if let confirmed = slot.pipeline?.confirmed, confirmed.version == commit.streamVersions.first {
            return confirmed
        }
        return try await read(slot.stream, upTo: commit.streamVersions.first)
    }
}

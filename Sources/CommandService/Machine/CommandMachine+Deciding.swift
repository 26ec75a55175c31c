internal import EventLogProtocol
internal import EventSourcing

/// Decisions: each ends in one append.
extension CommandMachine {
    /// Decides a command on the newest states there are, what is under way included.
    mutating func decide(_ run: Run, referring event: State.Event?, _ now: CommandMoment) {
        guard let newest = run.slot.newest else {
            return finish(run, .failure(.fault("\(run.slot.stream) is not loaded")))
        }
        let others = run.others ?? []
        run.attempts.decided(standingAlone: run.slot.pending.isEmpty && others.allSatisfy { $0.pending.isEmpty })
        decisions += 1
        guard run.order.condition.holds(at: newest.version) else {
            return send(Decision([]), run, end: .conditionFailed(actual: newest.version), record: nil, now)
        }
        let context = DecisionContext(
            newest, others: others.isEmpty ? [] : others.compactMap { $0.newest }, referred: event, at: now.time,
            eventID: UniqueID.version7(at: now.time, using: &random))
        do throws(State.Refusal) {
            let decision = try State.decide(run.order.command, in: context)
            send(decision, run, end: .executed, record: .obeyed, lastID: context.eventID, now)
        } catch {
            send(Decision([]), run, end: .refused(error), record: run.order.recordOfRefusal(error), now)
        }
    }

    /// Appends what was decided. What leads to no events is appended, too: it stands only if the log confirms that it was
    /// decided on the newest states.
    private mutating func send(
        _ decision: Decision<State.Event>, _ run: Run, end: Append.End, record: RecordedAnswer?,
        lastID: UniqueID? = nil, _ now: CommandMoment
    ) {
        lastAppend += 1
        let others = run.others ?? []
        guard decision.others.isEmpty || decision.others.count == others.count else {
            return finish(
                run, .failure(.fault("a command on \(run.slot.stream) was decided for streams that it did not name")))
        }
        do throws(ImpossibleEvent) {
            let (own, after) = try part(run.slot, decision.events, lastID: lastID, run, now)
            if others.isEmpty {
                let append = Append(lastAppend, of: run, end: end, record: record, own: own, others: [])
                run.slot.add(append, after: after)
                return sent(append)
            }
            var parts: [Append.Part] = []
            var revisions: [Revision<State>?] = []
            for (index, slot) in others.enumerated() {
                let events = decision.others.isEmpty ? [] : decision.others[index]
                let (part, after) = try part(slot, events, lastID: nil, run, now)
                parts.append(part)
                revisions.append(after)
            }
            let append = Append(lastAppend, of: run, end: end, record: record, own: own, others: parts)
            run.slot.add(append, after: after)
            for (slot, after) in zip(others, revisions) { slot.add(append, after: after) }
            sent(append)
        } catch {
            let fault = "a command on \(run.slot.stream) was decided wrongly: \(error)"
            guard !decision.isEmpty else { return finish(run, .failure(.fault(fault))) }
            // The states of several aggregates may never have been at one time; then the log refuses this, too.
            send(Decision([]), run, end: .fault(fault), record: nil, now)
        }
    }

    private mutating func sent(_ append: Append) {
        append.run.isTentative =
            !append.others.isEmpty && (append.own.events.isEmpty || append.others.contains { $0.events.isEmpty })
        append.run.enter(.appending)
        // Before it is sent: those that come after it in a sequence are decided on it.
        for slot in append.run.sequences { wakeNext(in: slot) }
        request(.append(append))
    }

    /// What an append does to one stream, and the aggregate after it; nil: it stays as it is.
    private mutating func part(
        _ slot: Slot, _ events: [State.Event], lastID: UniqueID?, _ run: Run, _ now: CommandMoment
    ) throws(ImpossibleEvent) -> (Append.Part, after: Revision<State>?) {
        guard var next = slot.newest else { throw ImpossibleEvent("\(slot.stream) is not loaded") }
        let expected = next.expectedVersion
        guard !events.isEmpty else {
            return (Append.Part(slot: slot, expected: expected, events: [], sent: []), nil)
        }
        var sent: [NewEvent] = []
        sent.reserveCapacity(events.count)
        for (index, event) in events.enumerated() {
            let isLast = index == events.count - 1
            let id =
                if isLast, let lastID { lastID } else { UniqueID.version7(at: now.time, using: &random) }
            sent.append(
                NewEvent(
                    id: id, type: event.type, schemaVersion: event.schemaVersion, metadata: run.order.metadata,
                    data: event.encoded()))
            // When it will be recorded is not known yet, and nobody reads it before it is.
            try next.apply(event, id: id, recordedAt: now.time)
        }
        return (Append.Part(slot: slot, expected: expected, events: events, sent: sent), next)
    }
}

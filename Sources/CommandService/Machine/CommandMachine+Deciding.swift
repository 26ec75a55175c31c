internal import EventLogProtocol
internal import EventSourcing

/// Decisions: each ends in one append.
extension CommandMachine {
    /// Decides a command on the newest states there are, what is under way included. All of them are loaded.
    mutating func decide(_ run: Run, over others: [Slot], _ now: CommandMoment) {
        let time = max(now.time, lastRecorded)
        let isAlone = run.slot.state.isSettled && others.allSatisfy { $0.state.isSettled }
        run.attempts.decided(standingAlone: isAlone)
        decisions += 1
        let version = run.slot.state.newest.version
        let id = UniqueID.version7(at: time, using: &random)
        guard run.order.condition.holds(at: version) else {
            return send(Decision([]), id, run, others, end: .conditionFailed(actual: version), record: nil, now)
        }
        do throws(State.Refusal) {
            let decision = try decision(on: run, over: others, at: time, id)
            send(decision, id, run, others, end: .executed, record: .obeyed, now)
        } catch {
            send(Decision([]), id, run, others, end: .refused(error), record: run.order.recordOfRefusal(error), now)
        }
    }

    /// An aggregate that a command would take from and its sender does not see; nil: there is none.
    func streamBeyondReach(of run: Run) -> StreamID? {
        guard let sender = run.order.sender, !sender.seesAll else { return nil }
        return State.streamsDrawnOn(by: run.order.command, on: run.slot.stream, referring: run.referredEvent)
            .first { !sender.sees($0) }
    }

    /// Refuses a command that would take from an aggregate that its sender does not see. Of that nothing is loaded, asked or
    /// expected, so the answer, and how long it takes, tells nothing of it; the log confirms what the command refers to.
    mutating func refuse(_ run: Run, takingFrom stream: StreamID, _ now: CommandMoment) {
        run.attempts.decided(standingAlone: run.slot.state.isSettled)
        decisions += 1
        let id = UniqueID.version7(at: now.time, using: &random)
        send(Decision([]), id, run, [], end: .beyondReach(stream), record: nil, now)
    }

    /// Asks the domain. The states are held twice only meanwhile.
    private func decision(
        on run: Run, over others: [Slot], at time: Timestamp, _ eventID: UniqueID
    ) throws(State.Refusal) -> Decision<State.Event> {
        try State.decide(
            run.order.command,
            in: DecisionContext(
                run.slot.state.newest, others: others.isEmpty ? [] : others.map { $0.state.newest },
                referred: run.referredEvent, at: time, eventID: eventID))
    }

    /// Appends what was decided. What leads to no events is appended, too: it stands only if the log confirms that it was
    /// decided on the newest states.
    private mutating func send(
        _ decision: Decision<State.Event>, _ id: UniqueID, _ run: Run, _ others: [Slot], end: Append.End,
        record: RecordedAnswer?, _ now: CommandMoment
    ) {
        lastAppend += 1
        guard decision.others.isEmpty || decision.others.count == others.count else {
            return finish(
                run, .failure(.fault("a command on \(run.slot.stream) was decided for streams that it did not name")))
        }
        let own = part(run.slot, decision.events, lastID: id, run, now)
        var parts: [Append.Part] = []
        for (index, slot) in others.enumerated() {
            let events = decision.others.isEmpty ? [] : decision.others[index]
            parts.append(part(slot, events, lastID: nil, run, now))
        }
        let append = Append(lastAppend, of: run, end: end, decision: id, record: record, own: own, others: parts)
        do throws(ImpossibleEvent) {
            try run.slot.state.add(append, own, at: now.time)
            for part in parts { try part.slot.state.add(append, part, at: now.time) }
            sent(append)
        } catch {
            // Nothing stands on it yet.
            for part in append.parts { _ = part.slot.state.giveUp(append, withLater: false) }
            let fault = "a command on \(run.slot.stream) was decided wrongly: \(error)"
            guard !decision.isEmpty else { return finish(run, .failure(.fault(fault))) }
            // The states of several aggregates may never have been at one time; then the log refuses this, too.
            send(Decision([]), id, run, others, end: .fault(fault), record: nil, now)
        }
    }

    private mutating func sent(_ append: Append) {
        let isTentative =
            !append.others.isEmpty && (append.own.events.isEmpty || append.others.contains { $0.events.isEmpty })
        append.run.enter(.appending(isTentative: isTentative))
        // Before it is sent: those that come after it in a sequence are decided on it.
        for slot in append.run.sequences { wakeNext(in: slot) }
        request(.append(append))
    }

    /// What an append does to one stream.
    private mutating func part(
        _ slot: Slot, _ events: [State.Event], lastID: UniqueID?, _ run: Run, _ now: CommandMoment
    ) -> Append.Part {
        let expected = slot.state.newest.expectedVersion
        if events.isEmpty { return Append.Part(slot: slot, expected: expected, events: [], sent: []) }
        var sent: [NewEvent] = []
        sent.reserveCapacity(events.count)
        for index in events.indices {
            let isLast = index == events.count - 1
            let id =
                if isLast, let lastID { lastID } else { UniqueID.version7(at: now.time, using: &random) }
            sent.append(
                NewEvent(
                    id: id, type: events[index].type, schemaVersion: events[index].schemaVersion,
                    metadata: run.order.metadata, data: events[index].encoded()))
        }
        return Append.Part(slot: slot, expected: expected, events: events, sent: sent)
    }
}

internal import DequeModule
public import EventSourcing

/// One aggregate, with decisions that stand on events that are sent to the log but not yet acknowledged.
///
/// So a hot aggregate is not limited to one command per flush of the log: command after command is decided on the state
/// that the one before will make, and all of them travel in one batch. Each append names the version and the last event
/// that it stands on, so where the log refuses one, it refuses all that stood on it, and each is decided again on the
/// state that the log reports.
///
/// A pure state machine: appending, waiting and reading are the caller's.
public struct AggregatePipeline<State: Aggregate>: Sendable {
    /// Names an append that is under way.
    public struct Ticket: Hashable, Comparable, Sendable {
        let number: UInt64

        /// Earlier tickets before later ones.
        public static func < (left: Ticket, right: Ticket) -> Bool { left.number < right.number }
    }

    /// What is to be done with a command.
    public enum Decision: Sendable {
        /// Append this, and tell the pipeline what became of it under the ticket.
        case append(Ticket, StreamWrite)
        /// Nothing is to be appended.
        case settled(Settlement, Basis)
    }

    /// Why nothing is to be appended.
    public enum Settlement: Sendable {
        /// The command asks for nothing that is not so already; the state as it is answers it.
        case nothing
        /// The domain refuses the command.
        case refused(State.Refusal)
        /// The aggregate is not at a version that the client demands.
        case conditionFailed(actual: UInt64)
    }

    /// What a decision stands on. One without events is sure only when this is.
    public struct Basis: Sendable {
        /// The append under way whose events are the newest that were considered: the decision holds once that is
        /// committed. nil: it holds once the log has confirmed that the state is its newest.
        public let ticket: Ticket?
        /// What the stream must be for the decision to hold.
        public let expected: ExpectedVersion
    }

    private struct Pending: Sendable {
        let ticket: Ticket
        let events: [State.Event]
        /// What was sent of them; it has their ids.
        let sent: [NewEvent]
    }

    /// The newest state of which the log has told.
    public private(set) var confirmed: Revision<State>

    /// The confirmed state with everything under way; nil where nothing is.
    private var speculative: Revision<State>?
    private var pending = Deque<Pending>()
    private var lastNumber: UInt64 = 0

    /// A pipeline that begins at a state that the log told of.
    public init(at revision: Revision<State>) {
        confirmed = revision
    }

    /// Whether nothing is under way.
    public var isIdle: Bool { pending.isEmpty }

    /// Whether the append is still under way.
    public func isPending(_ ticket: Ticket) -> Bool {
        guard let first = pending.first, let last = pending.last else { return false }
        return first.ticket <= ticket && ticket <= last.ticket
    }

    /// Decides a command on the newest state there is, what is under way included.
    ///
    /// - Parameters:
    ///   - condition: whether the client's condition holds at a version.
    ///   - makeID: makes the ids of events.
    /// - Throws: ``ImpossibleEvent`` where the domain decided on an event that it cannot apply: a fault of the domain.
    public mutating func decide(
        _ command: State.Command, where condition: (UInt64) -> Bool = { _ in true }, makeID: () -> UniqueID
    ) throws(ImpossibleEvent) -> Decision {
        let newest = speculative ?? confirmed
        let expected = newest.expectedVersion
        let basis = Basis(ticket: pending.last?.ticket, expected: expected)
        guard condition(newest.version) else {
            return .settled(.conditionFailed(actual: newest.version), basis)
        }
        let events: [State.Event]
        do throws(State.Refusal) {
            events = try State.decide(
                command, in: DecisionContext(newest, at: Timestamp(microseconds: 0), eventID: makeID())
            ).events
        } catch {
            return .settled(.refused(error), basis)
        }
        guard !events.isEmpty else { return .settled(.nothing, basis) }
        var next = newest
        let sent = events.map { event in
            NewEvent(id: makeID(), type: event.type, schemaVersion: event.schemaVersion, data: event.encoded())
        }
        for (event, sent) in zip(events, sent) {
            // When it will be recorded is not known yet, and nobody reads it before it is.
            try next.apply(event, id: sent.id, recordedAt: Timestamp(microseconds: 0))
        }
        speculative = next
        lastNumber += 1
        let ticket = Ticket(number: lastNumber)
        pending.append(Pending(ticket: ticket, events: events, sent: sent))
        return .append(ticket, StreamWrite(stream: confirmed.stream, expected: expected, events: sent))
    }

    /// The log committed an append.
    ///
    /// - Returns: the aggregate after it; nil where the pipeline had given the append up, so that only the log knows.
    public mutating func committed(_ ticket: Ticket, _ commit: Commit) throws(ImpossibleEvent) -> Revision<State>? {
        guard let first = pending.first, first.ticket == ticket else { return nil }
        for (event, sent) in zip(first.events, first.sent) {
            try confirmed.apply(event, id: sent.id, recordedAt: commit.recordedAt)
        }
        pending.removeFirst()
        // The speculative state holds the same events; only its times were not known.
        if pending.isEmpty { speculative = nil }
        return confirmed
    }

    /// The log refused an append, because others were faster. Everything that stood on it is given up: the log refuses
    /// that too, and each command is to be decided again.
    ///
    /// - Returns: whether the pipeline now knows the log's state; where not, it must be loaded anew.
    public mutating func refused(_ ticket: Ticket, _ conflict: AppendConflict) throws(RevisionError) -> Bool {
        let wasPending = isPending(ticket)
        giveUp(ticket)
        // While appends are under way nothing else is learned, so the log told of an end before what it had confirmed: it
        // was restored from before, and what is held is of no use.
        if wasPending, conflict.streams[0].actual < confirmed.version { return false }
        return try learn(conflict.streams[0].missed, version: conflict.streams[0].actual)
    }

    /// What became of an append is not known, or it was not sent. Everything that stood on it is given up.
    public mutating func failed(_ ticket: Ticket) {
        giveUp(ticket)
    }

    /// Takes in what the log told of the stream: events, and the version that it has reached.
    ///
    /// - Returns: whether the pipeline now knows the state at that version; where not, it must be loaded anew.
    public mutating func learn(_ events: [RecordedEvent], version: UInt64) throws(RevisionError) -> Bool {
        guard pending.isEmpty else {
            // Newer decisions are under way; the log will answer each of them on its own.
            return true
        }
        if let last = events.first(where: { $0.streamVersion == confirmed.version }) {
            // The log took another course than was thought: what is held is of no use.
            guard last.event.id == confirmed.lastEvent else { return false }
        }
        for record in events where record.streamVersion > confirmed.version {
            guard record.streamVersion == confirmed.version + 1 else { return false }
            try confirmed.apply(record)
        }
        speculative = nil
        // What is told may be older than what is known: answers to appends that were given up come late.
        return confirmed.version >= version
    }

    /// Begins anew at a state that the log told of. What is under way is given up; its tickets stay used, so that an
    /// answer that comes late is not taken for another's.
    public mutating func restart(at revision: Revision<State>) {
        pending.removeAll()
        confirmed = revision
        speculative = nil
    }

    private mutating func giveUp(_ ticket: Ticket) {
        guard isPending(ticket) else { return }
        while let last = pending.last, last.ticket >= ticket { pending.removeLast() }
        speculative = nil
        guard !pending.isEmpty else { return }
        // What was sent before it stays under way, as where this one alone found no room to be sent.
        var next = confirmed
        do {
            for entry in pending {
                for (event, sent) in zip(entry.events, entry.sent) {
                    try next.apply(event, id: sent.id, recordedAt: Timestamp(microseconds: 0))
                }
            }
            speculative = next
        } catch {
            // They were applied to this very state before, so this cannot be. Should it be, then deciding on the
            // confirmed state is still right: the log refuses what does not stand on its newest event.
            pending.removeAll()
        }
    }
}

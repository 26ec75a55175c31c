public import EventSourcing

/// One command from its arrival to its answer.
///
/// Not Sendable: it belongs to the machine, and to its driver as a token.
public final class CommandRun<State: Aggregate, Client> {
    /// What it is doing; between two inputs of the machine it waits for exactly one thing. What it rarely holds is indirect, so
    /// that it is one word.
    enum Phase {
        /// It may go on.
        case ready
        /// For a command before it that has the same key.
        case waitingForKey
        /// For the commands before it in the sequence.
        case waitingForTurn
        /// For an aggregate to be loaded, or the event that it refers to.
        case waitingForState
        /// For a moment, before it is decided again.
        case pausing
        /// For the log's answer to its append. If that is tentative, it records nothing on one of the aggregates: those after
        /// it there do not stand on it, and would stay as they are if the log refused it and it came out otherwise.
        case appending(isTentative: Bool)
        /// For the log's answer to its append, which will not be recorded, as far as is known.
        case doomed
        /// For what the log keeps under its key: how it ends is certain, unless it was executed before.
        indirect case findingOutcome(CommandFailure<State>)
        /// For the aggregate after it: it was executed.
        indirect case readingRevision(position: UInt64, Executor)
        /// It is answered.
        case answered
    }

    /// Who executed it.
    enum Executor {
        /// It was executed by its own append.
        case itself
        /// Whoever came first under its key: another, unless the last event has the id that this one's has.
        case firstUnderKey(unless: UniqueID?)

        /// Whether that was another, so that the answer is a repetition.
        func isAnother(_ revision: Revision<State>) -> Bool {
            switch self {
            case .itself: false
            case .firstUnderKey(let own): own == nil || revision.lastEvent != own
            }
        }
    }

    /// The event that it refers to; nil: there is none.
    enum Referred {
        case unknown
        /// It is under way itself, so it is asked for anew each time.
        indirect case underWay(State.Event?)
        /// Read from the history that the slot held then, which has this number.
        indirect case read(State.Event?, history: UInt64)
    }

    /// What was asked for.
    public let order: CommandOrder<State>
    let client: Client
    let slot: AggregateSlot<State, Client>
    /// The other aggregates that it is decided over, once they are named.
    var others: [AggregateSlot<State, Client>] = []
    private var joined: [AggregateSlot<State, Client>] = []
    var referred = Referred.unknown
    var holdsKey = false
    var attempts: CommandAttempts
    private(set) var phase = Phase.ready
    /// Whether the commands after it in the sequence must wait for it.
    private(set) var holdsUpOthers = false

    init(
        _ order: CommandOrder<State>, for client: Client, on slot: AggregateSlot<State, Client>,
        by deadline: ContinuousClock.Instant
    ) {
        self.order = order
        self.client = client
        self.slot = slot
        attempts = CommandAttempts(by: deadline)
    }

    /// Those in whose sequence it stands.
    var sequences: [AggregateSlot<State, Client>] { order.isInSequence ? joined : [] }

    /// The event that it refers to, as far as it is known; nil if it refers to none, or to one that does not exist.
    var referredEvent: State.Event? {
        switch referred {
        case .unknown: nil
        case .underWay(let event), .read(let event, _): event
        }
    }

    func enter(_ phase: Phase) {
        self.phase = phase
        if order.isInSequence { update() }
    }

    /// Its append will not be recorded, as far as is known, and neither will what stands on it.
    func doom() {
        if case .appending = phase { enter(.doomed) }
    }

    /// It stands in the sequence of another aggregate from now on.
    func join(_ slot: AggregateSlot<State, Client>) {
        joined.append(slot)
        slot.sequence.append(self)
        if joined.count == 1 { holdsUpOthers = true }
        slot.sequence.heldUp += 1
    }

    private func update() {
        guard !joined.isEmpty else { return }
        let holdsUp =
            switch phase {
            case .ready, .waitingForKey, .waitingForTurn, .waitingForState, .pausing, .doomed: true
            case .appending(let isTentative): isTentative
            case .findingOutcome, .readingRevision, .answered: false
            }
        guard holdsUp != holdsUpOthers else { return }
        holdsUpOthers = holdsUp
        for slot in joined { slot.sequence.heldUp += holdsUp ? 1 : -1 }
    }

    /// Whether every command before it, of those in sequence that name one of its aggregates, is decided and, as far as is
    /// known, will stay so.
    var isItsTurn: Bool { sequences.allSatisfy { $0.sequence.isTurn(of: self) } }
}

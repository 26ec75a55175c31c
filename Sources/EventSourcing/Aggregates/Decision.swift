/// What a command is decided on.
public struct DecisionContext<State: Aggregate>: Sendable {
    /// The aggregate that the command is sent to.
    public let revision: Revision<State>
    /// The other aggregates that it is decided over, in the order of ``Aggregate/otherStreams(for:on:referring:)``; one of
    /// version 0 does not exist.
    public let others: [Revision<State>]
    /// The event that the command refers to; nil if it refers to none, or to one that does not exist.
    public let referred: State.Event?
    /// When the command is decided.
    public let time: Timestamp
    /// The id that the last event of the decision will have in the stream that the command is sent to.
    public let eventID: UniqueID

    /// A context from its parts.
    public init(
        _ revision: Revision<State>, others: [Revision<State>] = [], referred: State.Event? = nil, at time: Timestamp,
        eventID: UniqueID
    ) {
        self.revision = revision
        self.others = others
        self.referred = referred
        self.time = time
        self.eventID = eventID
    }

    /// The state of the aggregate that the command is sent to.
    public var state: State { revision.state }
}

/// What happens when a command is executed, all of it or nothing: the events of each stream, in order.
public struct Decision<Event: Sendable>: Sendable {
    /// The events of the stream that the command is sent to.
    public var events: [Event]
    /// The events of the other streams that it was decided over, in the order of ``DecisionContext/others``, one list for
    /// each; no list at all if none of them gets an event.
    public var others: [[Event]]

    /// A decision from its events.
    public init(_ events: [Event], others: [[Event]] = []) {
        self.events = events
        self.others = others
    }

    /// Whether nothing happens.
    public var isEmpty: Bool { events.isEmpty && others.allSatisfy(\.isEmpty) }
}

extension Decision: Equatable where Event: Equatable {}
extension Decision: Hashable where Event: Hashable {}

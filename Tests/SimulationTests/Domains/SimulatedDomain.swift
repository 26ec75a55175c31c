internal import EventSourcing

/// What the simulation must know of a domain: what is asked of it, and what must hold in it.
protocol SimulatedDomain: SendableMetatype {
    associatedtype State: SnapshottableAggregate
    associatedtype Books: SimulatedBooks<State>
    associatedtype ReadModel: SimulatedReadModel<State>

    /// How many streams there are at most.
    static var maxStreams: Int { get }

    /// The types of all events; each must come about in some seed.
    static var eventTypes: Set<String> { get }

    /// A command at random.
    ///
    /// - Parameters:
    ///   - stream: what it is sent to.
    ///   - streams: all that there are.
    ///   - seen: the version of the stream that its client saw last, 0 if none.
    static func command(
        to stream: StreamID, among streams: [StreamID], seen: UInt64, _ world: World
    ) -> State.Command

    /// Binds a key: other commands have another.
    static func fingerprint(of command: State.Command) -> Digest256

    /// Whether an event is only what its stream gets or what time makes of it, so that anybody may cause it.
    static func isHarmless(_ event: State.Event) -> Bool

    /// Whether a refusal is kept with a key.
    static func isKept(_ refusal: State.Refusal) -> Bool
}

extension SimulatedDomain {
    /// What is kept of a refusal with a key: a JSON object; nil: nothing.
    static func record(of refusal: State.Refusal) -> [UInt8]? {
        isKept(refusal) ? Array("{\"refusal\":\"\("\(refusal)".filter { $0 != "\"" })\"}".utf8) : nil
    }
}

/// The rules of a domain that hold over the whole log, kept in the simplest way, from events alone.
protocol SimulatedBooks<State> {
    associatedtype State: Aggregate

    init()

    /// Takes in a whole append.
    ///
    /// - Parameter events: its events in order, with their streams.
    /// - Returns: which rule is broken; nil: none.
    mutating func take(_ events: [(stream: StreamID, event: State.Event)], at time: Timestamp) -> String?

    /// Compares a state that the domain made of the same events with what the books say.
    ///
    /// - Parameter time: as of when both are looked at: at the last event or later.
    /// - Returns: how they differ; nil: not at all.
    func difference(to revision: Revision<State>, at time: Timestamp) -> String?
}

/// A read model of a domain.
protocol SimulatedReadModel<State>: Projection {
    associatedtype State: Aggregate

    init()

    /// Compares it with the aggregates as of the same position.
    ///
    /// - Returns: how they differ; nil: not at all.
    func difference(to revisions: [StreamID: Revision<State>], at time: Timestamp) -> String?
}

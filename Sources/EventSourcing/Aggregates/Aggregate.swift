/// The state of one thing that commands change: a fold of its events, and the rules that make new ones.
///
/// All functions are pure: the same state and input give the same result, on every machine and in every year. So none
/// reads a clock, a random number or anything outside.
///
/// A command is sent to one aggregate, and may be decided over several of the same kind: it names them, gets their
/// states, and gives events for any of them. The append carries the expectation of every one of them, also of those that
/// were only read.
public protocol Aggregate: Hashable, Sendable {
    /// What a client may ask for.
    associatedtype Command: Sendable
    /// What can happen.
    associatedtype Event: DomainEvent
    /// Why a command is refused, with the figures that its sender needs.
    associatedtype Refusal: Error, Hashable, Sendable

    /// The category of its streams: see ``StreamID/isValidCategory(_:)``.
    static var category: String { get }

    /// The state before the first event.
    init()

    /// The version of the earlier event, of the stream that the command is sent to, that it refers to, as a reversal
    /// refers to what it reverses; nil: none.
    static func referredVersion(in command: Command) -> UInt64?

    /// The streams that a command is decided over beside the one that it is sent to: each once, and never that one.
    ///
    /// - Parameter referred: the event that the command refers to; nil if it refers to none, or to one that does not exist.
    static func otherStreams(for command: Command, on stream: StreamID, referring referred: Event?) -> [StreamID]

    /// Those of the other streams that the command takes from, so that whoever sends it must have the same right to them as to the
    /// one that it is sent to. If nothing else is said, those that only the event tells that it refers to.
    static func streamsDrawnOn(by command: Command, on stream: StreamID, referring referred: Event?) -> [StreamID]

    /// What happens when the command is executed: events in order, possibly none.
    static func decide(
        _ command: Command, in context: borrowing DecisionContext<Self>
    ) throws(Refusal) -> Decision<Event>

    /// Takes in an event that happened.
    ///
    /// - Throws: ``ImpossibleEvent`` if no history that `decide` could have made holds this event here; the state is
    ///   then unchanged.
    mutating func apply(_ event: Event) throws(ImpossibleEvent)
}

extension Aggregate {
    /// No command refers to an earlier event.
    public static func referredVersion(in command: Command) -> UInt64? { nil }

    /// Every command is decided over the aggregate that it is sent to alone.
    public static func otherStreams(
        for command: Command, on stream: StreamID, referring referred: Event?
    ) -> [StreamID] { [] }

    /// The sender has named all others itself.
    public static func streamsDrawnOn(
        by command: Command, on stream: StreamID, referring referred: Event?
    ) -> [StreamID] {
        referredVersion(in: command) == nil ? [] : otherStreams(for: command, on: stream, referring: referred)
    }
}

/// A recorded event that cannot have happened: the history is damaged, or another program's.
public struct ImpossibleEvent: Error, Hashable, Sendable, CustomStringConvertible {
    /// Why it cannot have happened.
    public let reason: String

    /// An error with its reason.
    public init(_ reason: String) {
        self.reason = reason
    }

    /// The reason.
    public var description: String { reason }
}

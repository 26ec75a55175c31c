/// The state of one thing that commands change: a fold of its events, and the rules that make new ones.
///
/// Both functions are pure: the same state and input give the same result, on every machine and in every year. So
/// neither reads a clock, a random number or anything outside.
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

    /// What happens when the command is obeyed: events in order, possibly none.
    func decide(_ command: Command) throws(Refusal) -> [Event]

    /// Takes in an event that happened.
    ///
    /// - Throws: ``ImpossibleEvent`` where no history that `decide` could have made holds this event here; the state is
    ///   then unchanged.
    mutating func apply(_ event: Event) throws(ImpossibleEvent)
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

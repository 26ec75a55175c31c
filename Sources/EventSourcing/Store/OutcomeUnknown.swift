/// A store could not find out whether what it was given is recorded: the connection to its database ended before the
/// answer, and no new one could be had in time.
///
/// Nothing else may be appended before it is known: the store finds out when it is opened again, or with its next call.
public struct OutcomeUnknown: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is unknown, and why, in one sentence for people.
    public let description: String

    /// An unknown outcome with its sentence.
    public init(_ description: String) { self.description = description }
}

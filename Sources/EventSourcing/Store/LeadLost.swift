/// Another program has become the one that appends to the log. This one may neither append any more nor answer from what
/// it holds in memory.
public struct LeadLost: Error, Hashable, Sendable, CustomStringConvertible {
    /// Which log, and what to do, in one sentence for people.
    public let description: String

    /// A loss with its sentence.
    public init(_ description: String) { self.description = description }
}

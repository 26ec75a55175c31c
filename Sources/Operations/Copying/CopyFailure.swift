/// Why a log cannot be continued in another place.
public struct CopyFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is in the way, and what to do, in one sentence for people.
    public let description: String

    init(_ description: String) { self.description = description }
}

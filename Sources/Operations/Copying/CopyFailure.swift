/// Why a log cannot be continued in another place.
public struct CopyFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// The obstacle, and what to do, in one sentence for people.
    public let description: String

    init(_ description: String) { self.description = description }
}

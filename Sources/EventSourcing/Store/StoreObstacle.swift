/// Why a store cannot write at the moment. Nothing was written, and the same call may succeed later.
public struct StoreObstacle: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is in the way.
    public enum Kind: String, Hashable, Sendable {
        /// Another program holds a lock on the store.
        case busy
        /// The disk has no space left.
        case full
        /// The database server cannot be reached, or takes no writes.
        case unavailable
        /// Another program leads the log: this one may take the lead when that one has ended.
        case standby
    }

    /// What is in the way.
    public let kind: Kind
    /// What is in the way, where, and what to do about it, in one sentence for people.
    public let description: String

    /// An obstacle with its sentence.
    public init(_ kind: Kind, _ description: String) {
        self.kind = kind
        self.description = description
    }
}

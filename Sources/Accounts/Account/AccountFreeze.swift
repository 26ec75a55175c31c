/// That an account refuses movements of one direction or both, and why.
public struct AccountFreeze: Hashable, Sendable {
    /// What a freeze refuses.
    public enum Direction: String, CaseIterable, Hashable, Sendable {
        /// Money that goes out, and holds.
        case debits
        /// Money that comes in.
        case credits
        /// Both.
        case all
    }

    /// What is refused.
    public let direction: Direction
    /// Why: 1 to 256 Unicode scalars.
    public let reason: String

    /// A freeze from its parts.
    public init(_ direction: Direction, reason: String) {
        self.direction = direction
        self.reason = reason
    }

    /// Whether movements of a direction are refused.
    func refuses(_ movement: MovementDirection) -> Bool {
        direction == .all || (direction == .debits) == (movement == .debit)
    }
}

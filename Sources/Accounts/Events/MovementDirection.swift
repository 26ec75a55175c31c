/// What a movement does to an account.
public enum MovementDirection: String, CaseIterable, Hashable, Sendable {
    /// Money comes in.
    case credit
    /// Money goes out.
    case debit
}

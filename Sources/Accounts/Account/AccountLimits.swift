/// The limits that an account is opened with.
public struct AccountLimits: Hashable, Sendable {
    /// How far the balance may be below zero: zero or more; nil: not at all.
    public let overdraft: Money?
    /// The most that a credit may take the balance to: zero or more; nil: as much as an amount can be.
    public let maximumBalance: Money?

    /// No limits but those of every account.
    public static let none = AccountLimits()

    /// Limits from their parts.
    public init(overdraft: Money? = nil, maximumBalance: Money? = nil) {
        self.overdraft = overdraft
        self.maximumBalance = maximumBalance
    }
}

/// What becomes of one limit.
public enum LimitChange<Amount: Hashable & Sendable>: Hashable, Sendable {
    /// It stays as it is.
    case unchanged
    /// It is taken away.
    case removed
    /// It is this from now on: zero or more.
    case set(Amount)
}

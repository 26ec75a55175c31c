/// The limits that an account is opened with.
///
/// One word in size, without an allocation if there are none, so that events are small.
public struct AccountLimits: Hashable, Sendable {
    private struct Members: Hashable, Sendable {
        let overdraft: Money?
        let maximumBalance: Money?
    }

    /// At most one element: an array since it is empty for nothing.
    private let members: [Members]

    /// No limits but those of every account.
    public static var none: AccountLimits { AccountLimits() }

    /// Limits from their parts.
    public init(overdraft: Money? = nil, maximumBalance: Money? = nil) {
        let isEmpty = overdraft == nil && maximumBalance == nil
        members = isEmpty ? [] : [Members(overdraft: overdraft, maximumBalance: maximumBalance)]
    }

    /// Whether there are none.
    public var isEmpty: Bool { members.isEmpty }
    /// How far the balance may be below zero: zero or more; nil: not at all.
    public var overdraft: Money? { members.first?.overdraft }
    /// The most that a credit may take the balance to: zero or more; nil: as much as an amount can be.
    public var maximumBalance: Money? { members.first?.maximumBalance }
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

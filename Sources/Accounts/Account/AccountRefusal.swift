public import EventSourcing

/// Why an account refuses a command, with the figures that its sender needs.
public enum AccountRefusal: Error, Hashable, Sendable {
    /// More was requested than there is: by a withdrawal, a transfer, a hold, the capture of more than is held, or a
    /// reversal of money that is gone. `available` includes the overdraft, except for a hold, which never draws on it; for a
    /// capture it is what is held.
    case insufficientFunds(available: Money, requested: Money, shortfall: Money, currency: Currency)
    /// The account was never opened.
    case notFound
    /// An opening of an account that is open.
    case alreadyOpen
    /// The amount, or the balance that it would make, is beyond 15 significant digits.
    case amountOutOfRange(pointer: String, detail: String)
    /// A field that cannot be judged without the account or the time: an amount with more fractional digits than the account's
    /// currency, or not the sign that the command needs; a hold that expires in the past. Such a command is malformed.
    case invalidField(pointer: String, detail: String)
    /// A credit of `requested` would take the balance beyond the maximum.
    case limitExceeded(maximum: Money, balance: Money, requested: Money, currency: Currency)
    /// The two accounts have different currencies.
    case currencyMismatch(currency: Currency, other: Currency)
    /// The two accounts are one.
    case sameAccount
    /// The account never had this hold.
    case holdNotFound(HoldID)
    /// The account has, or had, a hold of this name.
    case holdExists(HoldID)
    /// The hold was captured, released or expired before.
    case holdResolved(HoldID, HoldResolution)
    /// The account has as many open holds as it may have.
    case tooManyHolds(maximum: Int)
    /// The account has no event at this version.
    case eventNotFound(version: UInt64)
    /// The event at this version is none that can be reversed.
    case notReversible(version: UInt64)
    /// The movement at a version was reversed before, at `version` of the account.
    case alreadyReversed(version: UInt64)
    /// Movements of this direction are refused.
    case frozen(AccountFreeze)
    /// Nothing is to be unfrozen.
    case notFrozen
    /// The account was closed.
    case closed
    /// The account cannot be closed, since there is money in it or held.
    case notEmpty(balance: Money, held: Money, currency: Currency)
    /// The other account of the command, and not the one that it was sent to, refuses its part.
    indirect case counterparty(StreamID, AccountRefusal)
}

extension AccountRefusal: CustomStringConvertible {
    /// One sentence for the client.
    public var description: String {
        switch self {
        case .insufficientFunds(let available, let requested, let shortfall, let currency):
            "\(requested) \(currency) requested, \(available) available, \(shortfall) short"
        case .notFound: "the account does not exist"
        case .alreadyOpen: "the account is open already"
        case .amountOutOfRange(let pointer, let detail), .invalidField(let pointer, let detail):
            "\(pointer): \(detail)"
        case .limitExceeded(let maximum, let balance, let requested, let currency):
            "\(requested) \(currency) more than the balance of \(balance) is beyond the maximum of \(maximum)"
        case .currencyMismatch(let currency, let other): "one account is in \(currency), the other in \(other)"
        case .sameAccount: "an account cannot be its own counterparty"
        case .holdNotFound(let hold): "there is no hold \(hold)"
        case .holdExists(let hold): "there is, or was, a hold \(hold)"
        case .holdResolved(let hold, let resolution):
            "the hold \(hold) \(resolution.kind == .expired ? "expired" : "was \(resolution.kind.rawValue)") before"
        case .tooManyHolds(let maximum): "an account has at most \(maximum) open holds"
        case .eventNotFound(let version): "the account has no event at version \(version)"
        case .notReversible(let version): "the event at version \(version) cannot be reversed"
        case .alreadyReversed(let version): "the movement was reversed before, at version \(version)"
        case .frozen(let freeze):
            "the account is frozen for \(freeze.direction == .all ? "all movements" : freeze.direction.rawValue)"
        case .notFrozen: "the account is not frozen"
        case .closed: "the account is closed"
        case .notEmpty(let balance, let held, let currency):
            "the account is not empty: its balance is \(balance) \(currency), \(held) held"
        case .counterparty(let account, let refusal): "\(account.name): \(refusal)"
        }
    }
}

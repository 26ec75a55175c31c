/// Why an account refuses a command, with the figures that its sender needs.
public enum AccountRefusal: Error, Hashable, Sendable {
    /// More was to be withdrawn than there is.
    case insufficientFunds(available: Money, requested: Money, shortfall: Money, currency: Currency)
    /// A deposit to or a withdrawal from an account that was never opened.
    case notFound
    /// An opening of an account that is open.
    case alreadyOpen
    /// The amount, or the balance that it would make, is beyond 15 significant digits.
    case amountOutOfRange(pointer: String, detail: String)
    /// The amount has more fractional digits than the account's currency, or not the sign that the command needs.
    case invalidAmount(pointer: String, detail: String)
}

extension AccountRefusal: CustomStringConvertible {
    /// One sentence for the client.
    public var description: String {
        switch self {
        case .insufficientFunds(let available, let requested, let shortfall, let currency):
            "\(requested) \(currency) requested, \(available) available, \(shortfall) short"
        case .notFound: "the account does not exist"
        case .alreadyOpen: "the account is open already"
        case .amountOutOfRange(let pointer, let detail), .invalidAmount(let pointer, let detail):
            "\(pointer): \(detail)"
        }
    }
}

/// What a client may ask of an account. Amounts become money only where the account's currency is known: in `decide`.
public enum AccountCommand: Hashable, Sendable {
    /// Opens the account with a balance of zero or more. The owner has 1 to ``longestOwner`` Unicode scalars.
    case open(owner: String, initialBalance: DecimalNumber, currency: Currency)
    /// Puts in an amount above zero.
    case deposit(amount: DecimalNumber)
    /// Takes out an amount above zero.
    case withdraw(amount: DecimalNumber)

    /// The most Unicode scalars of an owner's name.
    public static let longestOwner = 256

    /// The name by which a request asks for it: `OpenAccount`, `Deposit` or `Withdraw`.
    public var type: String {
        switch self {
        case .open: "OpenAccount"
        case .deposit: "Deposit"
        case .withdraw: "Withdraw"
        }
    }
}

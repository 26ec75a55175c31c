public import EventSourcing
internal import JSON

/// What can happen to an account.
///
/// In the log, an amount is a decimal string with the currency's digits: `{"amount":"500.00"}`.
public enum AccountEvent: DomainEvent {
    /// `AccountOpened`
    case opened(owner: String, initialBalance: Money, currency: Currency)
    /// `MoneyDeposited`
    case deposited(amount: Money)
    /// `MoneyWithdrawn`
    case withdrawn(amount: Money)

    /// The version of the schema of all events. Version 1 held amounts as JSON numbers.
    public static let schemaVersion: UInt16 = 2

    /// The name of what happened: `AccountOpened`, `MoneyDeposited` or `MoneyWithdrawn`.
    public var type: String {
        switch self {
        case .opened: "AccountOpened"
        case .deposited: "MoneyDeposited"
        case .withdrawn: "MoneyWithdrawn"
        }
    }

    /// 2, for all events.
    public var schemaVersion: UInt16 { Self.schemaVersion }

    /// The event's data as a JSON object in UTF-8, without the type.
    public func encoded() -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 96)
        writer.beginObject()
        switch self {
        case .opened(let owner, let initialBalance, let currency):
            writer.member("owner")
            writer.string(owner)
            writer.member("initial_balance")
            writer.string(initialBalance.description)
            writer.member("currency")
            writer.string(currency.code)
        case .deposited(let amount), .withdrawn(let amount):
            writer.member("amount")
            writer.string(amount.description)
        }
        writer.endObject()
        return writer.bytes
    }
}

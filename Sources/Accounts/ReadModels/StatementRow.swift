public import EventSourcing

/// A row of a statement: an event that moved money.
public struct StatementRow: Hashable, Sendable {
    /// When it was recorded.
    public let time: Timestamp
    /// Its version in the account's history.
    public let version: UInt64
    /// Its position in the log.
    public let position: UInt64
    /// Its type, such as `MoneyDeposited`.
    public let type: String
    /// What it did to the balance: below zero if money went out.
    public let amount: Money
    /// The balance after it.
    public let balance: Money
    /// What the client said about it.
    public let details: MovementDetails
    /// The id of the account that the money came from or went to; nil if it came into the ledger or left it.
    public let counterparty: String?

    init(_ record: RecordedEvent, _ movement: Movement, _ details: MovementDetails, balance: Money) {
        time = record.recordedAt
        version = record.streamVersion
        position = record.position
        type = record.type
        amount = movement.direction == .credit ? movement.amount : movement.amount.negated
        self.balance = balance
        self.details = details
        counterparty = movement.counterparty?.name
    }
}

extension Money {
    /// The same amount on the other side of zero; amounts are bounded alike on both.
    fileprivate var negated: Money { Money(checked: -minorUnits, fractionDigits: fractionDigits) }
}

public import EventSourcing

/// What moved money in an account between two of its versions: opening + credits − debits = closing.
///
/// The sums of the events that it was given, in order; the rows themselves are not kept.
public struct Statement: Sendable {
    /// The most rows that a statement may have.
    public static let maxRows = 100_000

    /// The balance before the first event.
    public let openingBalance: Money
    /// How many events moved money.
    public private(set) var rows = 0
    private var credited: Int128 = 0
    private var debited: Int128 = 0
    private var account: Revision<Account>

    /// A statement that begins with the account as it is before the first event: one that was never opened, or is at a
    /// version.
    ///
    /// - Parameter currency: that of the account, also before it was opened.
    public init(from account: Revision<Account>, in currency: Currency) {
        self.account = account
        self.currency = currency
        openingBalance = account.version == 0 ? .zero(in: currency) : account.state.balance
    }

    /// The account's currency.
    public let currency: Currency
    /// The balance after the last event.
    public var closingBalance: Money { account.version == 0 ? .zero(in: currency) : account.state.balance }
    /// What came in.
    public var credits: TotalAmount { TotalAmount(credited, in: currency) }
    /// What went out.
    public var debits: TotalAmount { TotalAmount(debited, in: currency) }
    /// The version after the last event.
    public var version: UInt64 { account.version }

    /// Takes in the next event of the account.
    ///
    /// - Returns: its row; nil if it moved no money.
    /// - Throws: ``RevisionError`` if it cannot be applied.
    public mutating func apply(_ record: RecordedEvent) throws(RevisionError) -> StatementRow? {
        let event = try account.next(record)
        try account.apply(event, of: record)
        guard let movement = event.movement, movement.amount.minorUnits != 0 else { return nil }
        rows += 1
        switch movement.direction {
        case .credit: credited += Int128(movement.amount.minorUnits)
        case .debit: debited += Int128(movement.amount.minorUnits)
        }
        return StatementRow(record, movement, event.details, balance: account.state.balance)
    }
}

public import EventSourcing

/// What can happen to an account.
///
/// In the log, an amount is a decimal string with the currency's digits: `{"amount":"500.00"}`.
public enum AccountEvent: DomainEvent {
    /// `AccountOpened`
    case opened(owner: String, initialBalance: Money, currency: Currency, limits: AccountLimits = .none)
    /// `MoneyDeposited`
    case deposited(amount: Money, details: MovementDetails = .none)
    /// `MoneyWithdrawn`
    case withdrawn(amount: Money, details: MovementDetails = .none)
    /// `MoneySent`: a transfer, on the sender's side.
    indirect case sent(TransferSide)
    /// `MoneyReceived`: a transfer, or a capture into this account, on the receiver's side.
    indirect case received(TransferSide)
    /// `HoldPlaced`
    indirect case holdPlaced(hold: HoldID, amount: Money, expiresAt: Timestamp?, details: MovementDetails = .none)
    /// `HoldCaptured`
    indirect case holdCaptured(HoldCapture)
    /// `HoldReleased`
    case holdReleased(hold: HoldID, amount: Money)
    /// `HoldExpired`
    case holdExpired(hold: HoldID, amount: Money)
    /// `LimitsSet`
    indirect case limitsSet(overdraft: LimitChange<Money>, maximumBalance: LimitChange<Money>)
    /// `AccountFrozen`
    case frozen(direction: AccountFreeze.Direction, reason: String)
    /// `AccountUnfrozen`
    case unfrozen(reason: String)
    /// `AccountClosed`
    case closed(reason: String)
    /// `MovementReversed`
    indirect case reversed(Reversal)

    /// The version of the schema of all events. Version 1 held amounts as JSON numbers.
    public static let schemaVersion: UInt16 = 2

    /// The names of all events.
    public static let types = EventKind.allCases.map(\.rawValue)

    /// The name of what happened, such as `AccountOpened`.
    public var type: String { kind.rawValue }

    /// 2, for all events.
    public var schemaVersion: UInt16 { Self.schemaVersion }

    /// What the client said about the movement.
    public var details: MovementDetails {
        switch self {
        case .deposited(_, let details), .withdrawn(_, let details), .holdPlaced(_, _, _, let details): details
        case .sent(let side), .received(let side): side.details
        case .holdCaptured(let capture): capture.details
        case .reversed(let reversal): reversal.details
        case .opened, .holdReleased, .holdExpired, .limitsSet, .frozen, .unfrozen, .closed: .none
        }
    }
}

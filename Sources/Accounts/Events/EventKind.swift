/// The events by their names in the log.
enum EventKind: String, CaseIterable {
    case opened = "AccountOpened"
    case deposited = "MoneyDeposited"
    case withdrawn = "MoneyWithdrawn"
    case sent = "MoneySent"
    case received = "MoneyReceived"
    case holdPlaced = "HoldPlaced"
    case holdCaptured = "HoldCaptured"
    case holdReleased = "HoldReleased"
    case holdExpired = "HoldExpired"
    case limitsSet = "LimitsSet"
    case frozen = "AccountFrozen"
    case unfrozen = "AccountUnfrozen"
    case closed = "AccountClosed"
    case reversed = "MovementReversed"

    /// Whether there were such events in schema version 1.
    var isLegacy: Bool { self == .opened || self == .deposited || self == .withdrawn }
}

extension AccountEvent {
    var kind: EventKind {
        switch self {
        case .opened: .opened
        case .deposited: .deposited
        case .withdrawn: .withdrawn
        case .sent: .sent
        case .received: .received
        case .holdPlaced: .holdPlaced
        case .holdCaptured: .holdCaptured
        case .holdReleased: .holdReleased
        case .holdExpired: .holdExpired
        case .limitsSet: .limitsSet
        case .frozen: .frozen
        case .unfrozen: .unfrozen
        case .closed: .closed
        case .reversed: .reversed
        }
    }
}

/// The members of events' data, by their names.
enum EventMember: String, CaseIterable {
    case owner
    case initialBalance = "initial_balance"
    case currency
    case amount
    case to
    case from
    case transfer
    case counterpartyVersion = "counterparty_version"
    case hold
    case released
    case expiresAt = "expires_at"
    case overdraft
    case maximumBalance = "maximum_balance"
    case reverses
    case direction
    case reason
    case reference
    case description
    case effectiveAt = "effective_at"
}

extension EventKind {
    /// The members that an event must have.
    var required: [EventMember] {
        switch self {
        case .opened: [.owner, .initialBalance, .currency]
        case .deposited, .withdrawn: [.amount]
        case .sent: [.amount, .to, .transfer, .counterpartyVersion]
        case .received: [.amount, .from, .transfer, .counterpartyVersion]
        case .holdPlaced, .holdCaptured, .holdReleased, .holdExpired: [.hold, .amount]
        case .limitsSet: []
        case .frozen: [.direction, .reason]
        case .unfrozen, .closed: [.reason]
        case .reversed: [.amount, .reverses, .direction, .reason]
        }
    }

    /// The members that it may have.
    var optional: [EventMember] {
        switch self {
        case .opened, .limitsSet: [.overdraft, .maximumBalance]
        case .deposited, .withdrawn, .sent: Self.details
        case .received: [.hold] + Self.details
        case .holdPlaced: [.expiresAt] + Self.details
        case .holdCaptured: [.released, .to, .transfer] + Self.details
        case .holdReleased, .holdExpired, .frozen, .unfrozen, .closed: []
        case .reversed: [.transfer, .from, .to] + Self.details
        }
    }

    private static let details: [EventMember] = [.reference, .description, .effectiveAt]
}

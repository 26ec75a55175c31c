public import EventSourcing

/// What an event moved: a row of a statement.
public struct Movement: Hashable, Sendable {
    /// Whether money came in or went out.
    public let direction: MovementDirection
    /// How much: zero only for an opening without money.
    public let amount: Money
    /// The account that it came from or went to; nil if it came into the ledger or left it.
    public let counterparty: StreamID?
}

extension AccountEvent {
    /// What the event moved; nil if it changed no balance.
    public var movement: Movement? {
        switch self {
        case .opened(_, let amount, _, _), .deposited(let amount, _):
            Movement(direction: .credit, amount: amount, counterparty: nil)
        case .withdrawn(let amount, _):
            Movement(direction: .debit, amount: amount, counterparty: nil)
        case .sent(let side):
            Movement(direction: .debit, amount: side.amount, counterparty: side.counterparty)
        case .received(let side):
            Movement(direction: .credit, amount: side.amount, counterparty: side.counterparty)
        case .holdCaptured(let capture):
            Movement(direction: .debit, amount: capture.amount, counterparty: capture.link?.counterparty)
        case .reversed(let reversal):
            Movement(
                direction: reversal.direction, amount: reversal.amount, counterparty: reversal.link?.counterparty)
        case .holdPlaced, .holdReleased, .holdExpired, .limitsSet, .frozen, .unfrozen, .closed: nil
        }
    }
}

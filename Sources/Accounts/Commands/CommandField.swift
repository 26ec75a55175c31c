/// The fields that commands have.
enum CommandField: Int, CaseIterable {
    case type, owner, initialBalance, currency, amount

    var name: String {
        switch self {
        case .type: "type"
        case .owner: "owner"
        case .initialBalance: "initial_balance"
        case .currency: "currency"
        case .amount: "amount"
        }
    }

    init?(_ name: String) {
        switch name {
        case "type": self = .type
        case "owner": self = .owner
        case "initial_balance": self = .initialBalance
        case "currency": self = .currency
        case "amount": self = .amount
        default: return nil
        }
    }
}

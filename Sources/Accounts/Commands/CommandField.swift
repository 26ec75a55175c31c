/// The fields that commands have. Those that stand first are the fields of nearly all commands.
enum CommandField: Int, CaseIterable {
    case type, amount, owner, initialBalance, currency
    case overdraft, maximumBalance, to, hold, expiresAt, expiresIn, direction, reason, version
    case reference, description, effectiveAt

    /// How many stand first.
    static let frequentCount = 5

    /// A set of fields: a bit for each.
    typealias Bits = UInt32

    /// The set of this one.
    var bit: Bits { 1 << Bits(rawValue) }

    /// All fields.
    static var allBits: Bits { 1 << Bits(allCases.count) - 1 }

    /// What may be said about a movement.
    static var details: Bits { reference.bit | description.bit | effectiveAt.bit }

    var name: String {
        switch self {
        case .type: "type"
        case .amount: "amount"
        case .owner: "owner"
        case .initialBalance: "initial_balance"
        case .currency: "currency"
        case .overdraft: "overdraft"
        case .maximumBalance: "maximum_balance"
        case .to: "to"
        case .hold: "hold"
        case .expiresAt: "expires_at"
        case .expiresIn: "expires_in"
        case .direction: "direction"
        case .reason: "reason"
        case .version: "version"
        case .reference: "reference"
        case .description: "description"
        case .effectiveAt: "effective_at"
        }
    }

    init?(_ name: String) {
        switch name {
        case "type": self = .type
        case "amount": self = .amount
        case "owner": self = .owner
        case "initial_balance": self = .initialBalance
        case "currency": self = .currency
        case "overdraft": self = .overdraft
        case "maximum_balance": self = .maximumBalance
        case "to": self = .to
        case "hold": self = .hold
        case "expires_at": self = .expiresAt
        case "expires_in": self = .expiresIn
        case "direction": self = .direction
        case "reason": self = .reason
        case "version": self = .version
        case "reference": self = .reference
        case "description": self = .description
        case "effective_at": self = .effectiveAt
        default: return nil
        }
    }
}

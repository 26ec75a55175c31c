/// The fields that commands have.
enum CommandField: Int, CaseIterable {
    case type, amount, owner, initialBalance, currency, overdraft, maximumBalance, to, hold, expiresAt, expiresIn,
        direction, reason, version, reference, description, effectiveAt

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
        // The lengths tell nearly all apart, in an instruction or two.
        switch (name.utf8.count, name) {
        case (4, "type"): self = .type
        case (6, "amount"): self = .amount
        case (5, "owner"): self = .owner
        case (15, "initial_balance"): self = .initialBalance
        case (8, "currency"): self = .currency
        case (9, "overdraft"): self = .overdraft
        case (15, "maximum_balance"): self = .maximumBalance
        case (2, "to"): self = .to
        case (4, "hold"): self = .hold
        case (10, "expires_at"): self = .expiresAt
        case (10, "expires_in"): self = .expiresIn
        case (9, "direction"): self = .direction
        case (6, "reason"): self = .reason
        case (7, "version"): self = .version
        case (9, "reference"): self = .reference
        case (11, "description"): self = .description
        case (12, "effective_at"): self = .effectiveAt
        default: return nil
        }
    }
}

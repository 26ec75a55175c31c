/// The fields that commands have, by the names that requests have for them.
enum CommandField: String, CaseIterable {
    case type
    case owner
    case initialBalance = "initial_balance"
    case currency
    case amount
    case overdraft
    case maximumBalance = "maximum_balance"
    case to
    case hold
    case expiresAt = "expires_at"
    case expiresIn = "expires_in"
    case direction
    case reason
    case version
    case reference
    case description
    case effectiveAt = "effective_at"

    /// What may be said about a movement.
    static let details: [CommandField] = [.reference, .description, .effectiveAt]

    var name: String { rawValue }

    /// Its place among the fields.
    var index: Int {
        switch self {
        case .type: 0
        case .owner: 1
        case .initialBalance: 2
        case .currency: 3
        case .amount: 4
        case .overdraft: 5
        case .maximumBalance: 6
        case .to: 7
        case .hold: 8
        case .expiresAt: 9
        case .expiresIn: 10
        case .direction: 11
        case .reason: 12
        case .version: 13
        case .reference: 14
        case .description: 15
        case .effectiveAt: 16
        }
    }
}

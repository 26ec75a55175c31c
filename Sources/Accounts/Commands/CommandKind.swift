/// The commands by the names that requests have for them.
enum CommandKind: String, CaseIterable {
    case open = "OpenAccount"
    case deposit = "Deposit"
    case withdraw = "Withdraw"
    case transfer = "Transfer"
    case placeHold = "PlaceHold"
    case captureHold = "CaptureHold"
    case releaseHold = "ReleaseHold"
    case setLimits = "SetLimits"
    case freeze = "Freeze"
    case unfreeze = "Unfreeze"
    case close = "Close"
    case reverse = "Reverse"

    /// The fields that it may have.
    var fields: [CommandField] {
        switch self {
        case .open: [.type, .owner, .initialBalance, .currency, .overdraft, .maximumBalance]
        case .deposit, .withdraw: [.type, .amount] + CommandField.details
        case .transfer: [.type, .to, .amount] + CommandField.details
        case .placeHold: [.type, .hold, .amount, .expiresAt, .expiresIn] + CommandField.details
        case .captureHold: [.type, .hold, .amount, .to] + CommandField.details
        case .releaseHold: [.type, .hold]
        case .setLimits: [.type, .overdraft, .maximumBalance]
        case .freeze: [.type, .direction, .reason]
        case .unfreeze, .close: [.type, .reason]
        case .reverse: [.type, .version, .reason] + CommandField.details
        }
    }
}

extension AccountCommand {
    var kind: CommandKind {
        switch self {
        case .open: .open
        case .deposit: .deposit
        case .withdraw: .withdraw
        case .transfer: .transfer
        case .placeHold: .placeHold
        case .captureHold: .captureHold
        case .releaseHold: .releaseHold
        case .setLimits: .setLimits
        case .freeze: .freeze
        case .unfreeze: .unfreeze
        case .close: .close
        case .reverse: .reverse
        }
    }
}

/// The commands.
enum CommandKind: CaseIterable {
    case open, deposit, withdraw, transfer, placeHold, captureHold, releaseHold, setLimits, freeze, unfreeze, close,
        reverse

    /// The name that requests have for it.
    var name: String {
        switch self {
        case .deposit: "Deposit"
        case .withdraw: "Withdraw"
        case .open: "OpenAccount"
        case .transfer: "Transfer"
        case .placeHold: "PlaceHold"
        case .captureHold: "CaptureHold"
        case .releaseHold: "ReleaseHold"
        case .setLimits: "SetLimits"
        case .freeze: "Freeze"
        case .unfreeze: "Unfreeze"
        case .close: "Close"
        case .reverse: "Reverse"
        }
    }

    init?(_ name: String) {
        switch name {
        case "Deposit": self = .deposit
        case "Withdraw": self = .withdraw
        case "OpenAccount": self = .open
        case "Transfer": self = .transfer
        case "PlaceHold": self = .placeHold
        case "CaptureHold": self = .captureHold
        case "ReleaseHold": self = .releaseHold
        case "SetLimits": self = .setLimits
        case "Freeze": self = .freeze
        case "Unfreeze": self = .unfreeze
        case "Close": self = .close
        case "Reverse": self = .reverse
        default: return nil
        }
    }

    /// The fields that it may have.
    var fields: CommandField.Bits {
        typealias Field = CommandField
        let type = Field.type.bit
        return switch self {
        case .deposit, .withdraw: type | Field.amount.bit | Field.details
        case .open:
            type | Field.owner.bit | Field.initialBalance.bit | Field.currency.bit | Field.overdraft.bit
                | Field.maximumBalance.bit
        case .transfer: type | Field.to.bit | Field.amount.bit | Field.details
        case .placeHold:
            type | Field.hold.bit | Field.amount.bit | Field.expiresAt.bit | Field.expiresIn.bit | Field.details
        case .captureHold: type | Field.hold.bit | Field.amount.bit | Field.to.bit | Field.details
        case .releaseHold: type | Field.hold.bit
        case .setLimits: type | Field.overdraft.bit | Field.maximumBalance.bit
        case .freeze: type | Field.direction.bit | Field.reason.bit
        case .unfreeze, .close: type | Field.reason.bit
        case .reverse: type | Field.version.bit | Field.reason.bit | Field.details
        }
    }
}

extension AccountCommand {
    var kind: CommandKind {
        switch self {
        case .deposit: .deposit
        case .withdraw: .withdraw
        case .open: .open
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

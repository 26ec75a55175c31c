public import EventSourcing

/// What a client may ask of an account. Amounts become money only when the account's currency is known: in `decide`.
///
/// What has many parts is indirect, so that deposits and withdrawals are small.
public enum AccountCommand: Hashable, Sendable {
    /// Opens the account with a balance of zero or more. The owner has 1 to ``longestOwner`` Unicode scalars.
    indirect case open(
        owner: String, initialBalance: DecimalNumber, currency: Currency, overdraft: DecimalNumber? = nil,
        maximumBalance: DecimalNumber? = nil)
    /// Puts in an amount above zero.
    case deposit(amount: DecimalNumber, details: MovementDetails = .none)
    /// Takes out an amount above zero.
    case withdraw(amount: DecimalNumber, details: MovementDetails = .none)
    /// Moves an amount above zero into another account.
    indirect case transfer(to: StreamID, amount: DecimalNumber, details: MovementDetails = .none)
    /// Holds an amount above zero.
    indirect case placeHold(
        hold: HoldID, amount: DecimalNumber, expiry: HoldExpiry? = nil, details: MovementDetails = .none)
    /// Takes out what is held, or a part of it, into another account or out of the ledger.
    indirect case captureHold(
        hold: HoldID, amount: DecimalNumber? = nil, to: StreamID? = nil, details: MovementDetails = .none)
    /// Frees what is held.
    case releaseHold(hold: HoldID)
    /// Changes at least one limit.
    indirect case setLimits(overdraft: LimitChange<DecimalNumber>, maximumBalance: LimitChange<DecimalNumber>)
    /// Refuses movements of a direction from now on. The reason has 1 to ``maxReason`` Unicode scalars.
    case freeze(direction: AccountFreeze.Direction, reason: String)
    /// Takes movements of both directions again.
    case unfreeze(reason: String)
    /// Ends the account, which must be empty.
    case close(reason: String)
    /// Gives the opposite of the movement that was recorded at a version of the account.
    case reverse(version: UInt64, reason: String, details: MovementDetails = .none)

    /// The most Unicode scalars of an owner's name.
    public static let longestOwner = 256
    /// The most Unicode scalars of a reason.
    public static let maxReason = 256

    /// The name by which a request asks for it, such as `OpenAccount`.
    public var type: String { kind.name }

    /// The account that the command names beside the one that it is sent to.
    public var counterparty: StreamID? {
        switch self {
        case .transfer(let to, _, _): to
        case .captureHold(_, _, let to, _): to
        default: nil
        }
    }

    /// What the client says about the movement.
    public var details: MovementDetails {
        switch self {
        case .deposit(_, let details), .withdraw(_, let details), .transfer(_, _, let details),
            .placeHold(_, _, _, let details), .captureHold(_, _, _, let details), .reverse(_, _, let details):
            details
        case .open, .releaseHold, .setLimits, .freeze, .unfreeze, .close: .none
        }
    }
}

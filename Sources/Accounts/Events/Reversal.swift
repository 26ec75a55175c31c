/// The opposite of an earlier movement of the account.
public struct Reversal: Hashable, Sendable {
    /// That of the movement.
    public let amount: Money
    /// The version of the account at which the movement was recorded.
    public let reverses: UInt64
    /// What the reversal does to the account.
    public let direction: MovementDirection
    /// Why it was reversed: 1 to 256 Unicode scalars.
    public let reason: String
    /// The other account, if the movement was a transfer.
    public let link: TransferLink?
    /// What the client said about it.
    public let details: MovementDetails

    /// A reversal from its parts.
    public init(
        amount: Money, reverses: UInt64, direction: MovementDirection, reason: String, link: TransferLink? = nil,
        details: MovementDetails = .none
    ) {
        self.amount = amount
        self.reverses = reverses
        self.direction = direction
        self.reason = reason
        self.link = link
        self.details = details
    }
}

/// The end of a hold by which money left the account.
public struct HoldCapture: Hashable, Sendable {
    /// The hold.
    public let hold: HoldID
    /// What was taken out of the account: at most what was held.
    public let amount: Money
    /// What was held beyond that, and is free again; nil if nothing.
    public let released: Money?
    /// The account that received the amount; nil if it left the ledger.
    public let link: TransferLink?
    /// What the client said about it.
    public let details: MovementDetails

    /// A capture from its parts.
    public init(
        hold: HoldID, amount: Money, released: Money? = nil, link: TransferLink? = nil,
        details: MovementDetails = .none
    ) {
        self.hold = hold
        self.amount = amount
        self.released = released
        self.link = link
        self.details = details
    }
}

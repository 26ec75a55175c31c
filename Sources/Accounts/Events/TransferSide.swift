public import EventSourcing

/// What one account of a transfer, or of a capture into another account, records.
public struct TransferSide: Hashable, Sendable {
    /// What was sent or received.
    public let amount: Money
    /// The other account.
    public let counterparty: StreamID
    /// The version of the other account's event.
    public let counterpartyVersion: UInt64
    /// The same in the events of both sides: the id of the sender's event.
    public let transfer: UniqueID
    /// The sender's hold, if the money was received by its capture.
    public let hold: HoldID?
    /// What the client said about it; the same on both sides.
    public let details: MovementDetails

    /// A side from its parts.
    public init(
        amount: Money, counterparty: StreamID, counterpartyVersion: UInt64, transfer: UniqueID, hold: HoldID? = nil,
        details: MovementDetails = .none
    ) {
        self.amount = amount
        self.counterparty = counterparty
        self.counterpartyVersion = counterpartyVersion
        self.transfer = transfer
        self.hold = hold
        self.details = details
    }
}

/// The other account of a movement of money between two accounts, and the id that both sides name.
public struct TransferLink: Hashable, Sendable {
    /// The other account.
    public let counterparty: StreamID
    /// The same in the events of both sides: the id of the event of the account that the command was sent to.
    public let transfer: UniqueID

    /// A link from its parts.
    public init(counterparty: StreamID, transfer: UniqueID) {
        self.counterparty = counterparty
        self.transfer = transfer
    }
}

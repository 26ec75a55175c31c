public import EventSourcing

extension Account {
    static func reverse(
        _ version: UInt64, _ reason: String, _ details: MovementDetails, of own: AccountParty,
        in context: borrowing DecisionContext<Account>
    ) throws(AccountRefusal) -> Decision<AccountEvent> {
        let account = own.account
        try account.requireOpen()
        guard let referred = context.referred, version <= own.version else { throw .eventNotFound(version: version) }
        guard let movement = referred.reversible else { throw .notReversible(version: version) }
        try account.requireNotReversed(version)
        let (amount, direction) = (movement.amount, movement.direction.opposite)
        guard let side = movement.side else {
            try account.require(direction, amount)
            let reversal = Reversal(
                amount: amount, reverses: version, direction: direction, reason: reason, details: details)
            return Decision(own.events(.reversed(reversal)))
        }
        let other = try counterparty(side.counterparty, of: own, in: context)
        let isKnown = side.counterpartyVersion >= 2 && side.counterpartyVersion <= other.version
        try other.asCounterparty { account throws(AccountRefusal) in
            guard isKnown else { throw .eventNotFound(version: side.counterpartyVersion) }
            try account.requireNotReversed(side.counterpartyVersion)
        }
        try account.require(direction, amount)
        try other.asCounterparty { account throws(AccountRefusal) in
            try account.require(direction.opposite, amount)
        }
        let reversal = Reversal(
            amount: amount, reverses: version, direction: direction, reason: reason,
            link: TransferLink(counterparty: other.stream, transfer: context.eventID), details: details)
        let otherReversal = Reversal(
            amount: amount, reverses: side.counterpartyVersion, direction: direction.opposite, reason: reason,
            link: TransferLink(counterparty: own.stream, transfer: context.eventID), details: details)
        return Decision(own.events(.reversed(reversal)), others: [other.events(.reversed(otherReversal))])
    }

    /// The side of the transfer that a reversal is to reverse; nil if it is to reverse anything else.
    static func reversedTransfer(of command: AccountCommand, _ referred: AccountEvent?) -> TransferSide? {
        guard case .reverse = command else { return nil }
        return referred?.reversible?.side
    }

    /// The account that the money comes from if the command gives it to this one: the receiver of a transfer that is to be reversed
    /// on the sender's side.
    public static func streamsDrawnOn(
        by command: AccountCommand, on stream: StreamID, referring referred: AccountEvent?
    ) -> [StreamID] {
        guard case .reverse = command, let movement = referred?.reversible, movement.direction == .debit,
            let side = movement.side
        else { return [] }
        return [side.counterparty]
    }

    private func require(_ direction: MovementDirection, _ amount: Money) throws(AccountRefusal) {
        switch direction {
        case .credit: try requireCredit(amount)
        case .debit: try requireDebit(amount)
        }
    }
}

extension MovementDirection {
    fileprivate var opposite: MovementDirection { self == .credit ? .debit : .credit }
}

extension AccountEvent {
    /// The movement that a reversal of this event would reverse; nil if it cannot be reversed.
    fileprivate var reversible: (amount: Money, direction: MovementDirection, side: TransferSide?)? {
        switch self {
        case .deposited(let amount, _): (amount, .credit, nil)
        case .withdrawn(let amount, _): (amount, .debit, nil)
        case .sent(let side): (side.amount, .debit, side)
        // What came of a capture is the end of a hold.
        case .received(let side): side.hold == nil ? (side.amount, .credit, side) : nil
        case .opened, .holdPlaced, .holdCaptured, .holdReleased, .holdExpired, .limitsSet, .frozen, .unfrozen, .closed,
            .reversed:
            nil
        }
    }
}

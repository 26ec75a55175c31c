internal import EventSourcing

/// Decisions over two accounts. The id of a transfer is that of the event of the account that the command was sent to.
extension Account {
    static func transfer(
        _ number: DecimalNumber, from own: AccountParty, to: StreamID, _ details: MovementDetails,
        in context: borrowing DecisionContext<Account>
    ) throws(AccountRefusal) -> Decision<AccountEvent> {
        try own.account.requireOpen()
        let amount = try own.account.movement(number)
        let other = try counterparty(to, of: own, in: context)
        try own.account.requireDebit(amount)
        try other.asCounterparty { account throws(AccountRefusal) in try account.requireCredit(amount) }
        let transfer = context.eventID
        let sent = TransferSide(
            amount: amount, counterparty: to, counterpartyVersion: other.nextVersion, transfer: transfer,
            details: details)
        let received = TransferSide(
            amount: amount, counterparty: own.stream, counterpartyVersion: own.nextVersion, transfer: transfer,
            details: details)
        return Decision(own.events(.sent(sent)), others: [other.events(.received(received))])
    }

    static func capture(
        _ hold: HoldID, _ number: DecimalNumber?, from own: AccountParty, to: StreamID?, _ details: MovementDetails,
        in context: borrowing DecisionContext<Account>
    ) throws(AccountRefusal) -> Decision<AccountEvent> {
        let account = own.account
        try account.requireOpen()
        let given = try number.map { number throws(AccountRefusal) in try account.movement(number) }
        let held = try account.openHold(hold, recordedAt: own.version).amount
        let amount = given ?? held
        guard amount <= held else { throw account.shortage(of: amount, available: held.minorUnits) }
        let released = amount < held ? account.money(held.minorUnits - amount.minorUnits) : nil
        guard let to else {
            let capture = HoldCapture(hold: hold, amount: amount, released: released, details: details)
            return Decision(own.events(.holdCaptured(capture)))
        }
        let other = try counterparty(to, of: own, in: context)
        try other.asCounterparty { account throws(AccountRefusal) in try account.requireCredit(amount) }
        let transfer = context.eventID
        let capture = HoldCapture(
            hold: hold, amount: amount, released: released,
            link: TransferLink(counterparty: to, transfer: transfer), details: details)
        let received = TransferSide(
            amount: amount, counterparty: own.stream, counterpartyVersion: own.nextVersion, transfer: transfer,
            hold: hold, details: details)
        return Decision(own.events(.holdCaptured(capture)), others: [other.events(.received(received))])
    }

    /// The other account of a command, open and of the same currency.
    static func counterparty(
        _ stream: StreamID, of own: AccountParty, in context: borrowing DecisionContext<Account>
    ) throws(AccountRefusal) -> AccountParty {
        guard stream != own.stream else { throw .sameAccount }
        guard let revision = context.others.first, revision.stream == stream else {
            throw .counterparty(stream, .notFound)
        }
        let other = AccountParty(revision, at: context.time)
        try other.asCounterparty { account throws(AccountRefusal) in try account.requireOpen() }
        guard other.account.currency == own.account.currency else {
            throw .currencyMismatch(currency: own.account.currency, other: other.account.currency)
        }
        return other
    }
}

internal import EventSourcing
internal import JSON

extension AccountEvent {
    /// The event's data as a JSON object in UTF-8, without the type.
    public func encoded() -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 96)
        writer.beginObject()
        writeMembers(to: &writer, .string)
        writer.endObject()
        return writer.bytes
    }

    /// Writes the members of the event's data, in an order that never changes.
    ///
    /// - Parameter form: how amounts are written: as strings in the log.
    func writeMembers(to writer: inout JSONWriter, _ form: DecimalForm) {
        switch self {
        case .opened(let owner, let initialBalance, let currency, let limits):
            writer.member("owner")
            writer.string(owner)
            writer.member("initial_balance")
            writer.decimal(initialBalance.description, as: form)
            writer.member("currency")
            writer.string(currency.code)
            writer.member("overdraft", limits.overdraft, form)
            writer.member("maximum_balance", limits.maximumBalance, form)
        case .deposited(let amount, let details), .withdrawn(let amount, let details):
            writer.member("amount", amount, form)
            writer.members(details)
        case .sent(let side):
            writer.members(side, counterparty: "to", form)
        case .received(let side):
            writer.members(side, counterparty: "from", form)
        case .holdPlaced(let hold, let amount, let expiresAt, let details):
            writer.members(hold, amount, form)
            if let expiresAt {
                writer.member("expires_at")
                writer.timestamp(expiresAt)
            }
            writer.members(details)
        case .holdCaptured(let capture):
            writer.members(capture.hold, capture.amount, form)
            writer.member("released", capture.released, form)
            writer.members(capture.link, counterparty: "to")
            writer.members(capture.details)
        case .holdReleased(let hold, let amount), .holdExpired(let hold, let amount):
            writer.members(hold, amount, form)
        case .limitsSet(let overdraft, let maximumBalance):
            writer.member("overdraft", overdraft, form)
            writer.member("maximum_balance", maximumBalance, form)
        case .frozen(let direction, let reason):
            writer.member("direction")
            writer.string(direction.rawValue)
            writer.member("reason")
            writer.string(reason)
        case .unfrozen(let reason), .closed(let reason):
            writer.member("reason")
            writer.string(reason)
        case .reversed(let reversal):
            writer.members(reversal, form)
        }
    }
}

extension JSONWriter {
    fileprivate mutating func member(_ name: StaticString, _ amount: Money?, _ form: DecimalForm) {
        guard let amount else { return }
        member(name)
        decimal(amount.description, as: form)
    }

    fileprivate mutating func member(_ name: StaticString, _ change: LimitChange<Money>, _ form: DecimalForm) {
        switch change {
        case .unchanged: return
        case .removed:
            member(name)
            null()
        case .set(let amount):
            member(name, amount, form)
        }
    }

    fileprivate mutating func members(_ hold: HoldID, _ amount: Money, _ form: DecimalForm) {
        member("hold")
        string(hold.text)
        member("amount", amount, form)
    }

    fileprivate mutating func members(
        _ side: TransferSide, counterparty: StaticString, _ form: DecimalForm
    ) {
        member("amount", side.amount, form)
        let link = TransferLink(counterparty: side.counterparty, transfer: side.transfer)
        members(link, counterparty: counterparty)
        member("counterparty_version")
        integer(side.counterpartyVersion)
        if let hold = side.hold {
            member("hold")
            string(hold.text)
        }
        members(side.details)
    }

    fileprivate mutating func members(_ link: TransferLink?, counterparty: StaticString) {
        guard let link else { return }
        member(counterparty)
        string(link.counterparty.name)
        member("transfer")
        string(link.transfer.description)
    }

    fileprivate mutating func members(_ reversal: Reversal, _ form: DecimalForm) {
        member("amount", reversal.amount, form)
        member("reverses")
        integer(reversal.reverses)
        member("direction")
        string(reversal.direction.rawValue)
        member("reason")
        string(reversal.reason)
        members(reversal.link, counterparty: reversal.direction == .credit ? "from" : "to")
        members(reversal.details)
    }

    /// Writes what a client said about a movement; it stands after all other members.
    mutating func members(_ details: MovementDetails) {
        if details.isEmpty { return }
        if let reference = details.reference {
            member("reference")
            string(reference)
        }
        if let description = details.description {
            member("description")
            string(description)
        }
        if let effectiveAt = details.effectiveAt {
            member("effective_at")
            string(effectiveAt.description)
        }
    }
}

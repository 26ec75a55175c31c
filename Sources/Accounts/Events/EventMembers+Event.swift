internal import EventSourcing
internal import JSON

extension EventMembers {
    /// The event that the members make. All that its kind requires were read.
    func event(of kind: EventKind) throws(JSONError) -> AccountEvent {
        switch kind {
        case .opened: return try opened()
        case .deposited: return .deposited(amount: try given(amount), details: details)
        case .withdrawn: return .withdrawn(amount: try given(amount), details: details)
        case .sent: return .sent(try side(to))
        case .received: return .received(try side(from))
        case .holdPlaced:
            return .holdPlaced(hold: try given(hold), amount: try given(amount), expiresAt: expiresAt, details: details)
        case .holdCaptured:
            let capture = HoldCapture(
                hold: try given(hold), amount: try given(amount), released: released, link: try link(to),
                details: details)
            return .holdCaptured(capture)
        case .holdReleased: return .holdReleased(hold: try given(hold), amount: try given(amount))
        case .holdExpired: return .holdExpired(hold: try given(hold), amount: try given(amount))
        case .limitsSet:
            guard overdraft != .unchanged || maximumBalance != .unchanged else {
                throw failure("expected overdraft or maximum_balance")
            }
            return .limitsSet(overdraft: overdraft, maximumBalance: maximumBalance)
        case .frozen:
            guard let direction = direction.flatMap({ AccountFreeze.Direction(rawValue: $0) }) else {
                throw failure("expected a direction of debits, credits or all")
            }
            return .frozen(direction: direction, reason: try given(reason))
        case .unfrozen: return .unfrozen(reason: try given(reason))
        case .closed: return .closed(reason: try given(reason))
        case .reversed: return .reversed(try reversal())
        }
    }

    private func opened() throws(JSONError) -> AccountEvent {
        let (owner, balance, currency) = (try given(owner), try given(initialBalance), try given(currency))
        let limits = AccountLimits(overdraft: try limit(overdraft), maximumBalance: try limit(maximumBalance))
        for amount in [balance, limits.overdraft, limits.maximumBalance] {
            guard let amount, amount.fractionDigits != currency.fractionDigits else { continue }
            throw failure(
                "expected the \(currency.fractionDigits) fractional digits of \(currency), found \(amount)")
        }
        return .opened(owner: owner, initialBalance: balance, currency: currency, limits: limits)
    }

    private func limit(_ change: LimitChange<Money>) throws(JSONError) -> Money? {
        switch change {
        case .unchanged: nil
        case .set(let amount): amount
        case .removed: throw failure("expected limits that are amounts")
        }
    }

    private func side(_ counterparty: StreamID?) throws(JSONError) -> TransferSide {
        TransferSide(
            amount: try given(amount), counterparty: try given(counterparty),
            counterpartyVersion: try given(counterpartyVersion), transfer: try given(transfer), hold: hold,
            details: details)
    }

    private func link(_ counterparty: StreamID?) throws(JSONError) -> TransferLink? {
        switch (counterparty, transfer) {
        case (nil, nil): nil
        case (let counterparty?, let transfer?): TransferLink(counterparty: counterparty, transfer: transfer)
        default: throw failure("expected the other account and transfer, or neither")
        }
    }

    private func reversal() throws(JSONError) -> Reversal {
        guard let direction = direction.flatMap({ MovementDirection(rawValue: $0) }) else {
            throw failure("expected a direction of credit or debit")
        }
        let (counterparty, wrong) = direction == .credit ? (from, to) : (to, from)
        guard wrong == nil else { throw failure("expected from in a credit only, and to in a debit only") }
        return Reversal(
            amount: try given(amount), reverses: try given(reverses), direction: direction, reason: try given(reason),
            link: try link(counterparty), details: details)
    }

    private func given<Value>(_ value: Value?) throws(JSONError) -> Value {
        guard let value else { throw failure("a member is missing") }
        return value
    }

    private func failure(_ reason: String) -> JSONError {
        JSONError(code: .unexpectedMember, offset: 0, reason: reason)
    }
}

public import EventSourcing

extension Account {
    /// Takes in an event that happened.
    public mutating func apply(_ event: AccountEvent) throws(ImpossibleEvent) {
        guard status != .closed else { throw ImpossibleEvent("an event of an account that was closed") }
        if case .opened(let owner, let initialBalance, let currency, let limits) = event {
            try open(owner, initialBalance, currency, limits)
        } else {
            guard status == .open else { throw ImpossibleEvent("a movement on an account that was never opened") }
            try applyToOpen(event)
        }
        eventCount += 1
    }

    private mutating func open(
        _ owner: String, _ initialBalance: Money, _ currency: Currency, _ limits: AccountLimits
    ) throws(ImpossibleEvent) {
        guard status == .absent else { throw ImpossibleEvent("a second opening of an account") }
        for amount in [initialBalance, limits.overdraft, limits.maximumBalance] {
            guard let amount else { continue }
            guard amount.fractionDigits == currency.fractionDigits else {
                throw ImpossibleEvent("\(amount) has not the fractional digits of \(currency)")
            }
            guard amount.minorUnits >= 0 else { throw ImpossibleEvent("an opening with \(amount), below zero") }
        }
        if let maximum = limits.maximumBalance, initialBalance > maximum {
            throw ImpossibleEvent("an opening with \(initialBalance), beyond the maximum of \(maximum)")
        }
        self.owner = owner
        self.currency = currency
        units = initialBalance.minorUnits
        status = .open
        if !limits.isEmpty {
            extras.overdraft = limits.overdraft
            extras.maximumBalance = limits.maximumBalance
        }
    }

    private mutating func applyToOpen(_ event: AccountEvent) throws(ImpossibleEvent) {
        switch event {
        case .opened: throw ImpossibleEvent("a second opening of an account")
        case .deposited(let amount, _): try credit(amount)
        case .withdrawn(let amount, _): try debit(amount)
        case .sent(let side): try debit(side.amount)
        case .received(let side): try credit(side.amount)
        case .holdPlaced(let hold, let amount, let expiresAt, _):
            try check(amount)
            try possible { () throws(AccountRefusal) in try requireHold(hold, amount) }
            extras.holds.place(
                OpenHold(hold: hold, amount: amount, expiresAt: expiresAt, placedAt: eventCount + 1))
        case .holdCaptured(let capture):
            try check(capture.amount)
            if let released = capture.released { try check(released) }
            let held = capture.amount.minorUnits + (capture.released?.minorUnits ?? 0)
            try resolve(capture.hold, of: held, as: .captured)
            units -= capture.amount.minorUnits
        case .holdReleased(let hold, let amount):
            try check(amount)
            try resolve(hold, of: amount.minorUnits, as: .released)
        case .holdExpired(let hold, let amount):
            try check(amount)
            try resolve(hold, of: amount.minorUnits, as: .expired)
        case .limitsSet(let overdraft, let maximumBalance):
            guard overdraft != .unchanged || maximumBalance != .unchanged else {
                throw ImpossibleEvent("a change of limits that changes none")
            }
            try check(overdraft)
            try check(maximumBalance)
            extras.overdraft.change(overdraft)
            extras.maximumBalance.change(maximumBalance)
        case .frozen(let direction, let reason):
            extras.freeze = AccountFreeze(direction, reason: reason)
        case .unfrozen:
            guard frozen != nil else { throw ImpossibleEvent("an unfreezing of an account that is not frozen") }
            extras.freeze = nil
        case .closed:
            try possible { () throws(AccountRefusal) in try requireEmpty() }
            status = .closed
        case .reversed(let reversal):
            try reverse(reversal)
        }
    }

    private mutating func credit(_ amount: Money) throws(ImpossibleEvent) {
        try check(amount)
        try possible { () throws(AccountRefusal) in try requireCredit(amount) }
        units += amount.minorUnits
    }

    private mutating func debit(_ amount: Money) throws(ImpossibleEvent) {
        try check(amount)
        try possible { () throws(AccountRefusal) in try requireDebit(amount) }
        units -= amount.minorUnits
    }

    private mutating func resolve(
        _ hold: HoldID, of held: Int64, as kind: HoldResolution.Kind
    ) throws(ImpossibleEvent) {
        let open = try possible { () throws(AccountRefusal) in try requireOpenHold(hold) }
        guard open.amount.minorUnits == held else {
            throw ImpossibleEvent("the end of the hold \(hold) of \(money(held)), which is of \(open.amount)")
        }
        extras.holds.resolve(hold, as: kind, version: eventCount + 1)
    }

    private mutating func reverse(_ reversal: Reversal) throws(ImpossibleEvent) {
        // The first event is the opening, which is no movement.
        guard reversal.reverses >= 2, reversal.reverses <= eventCount else {
            throw ImpossibleEvent("a reversal of version \(reversal.reverses), after version \(eventCount)")
        }
        try possible { () throws(AccountRefusal) in try requireNotReversed(reversal.reverses) }
        switch reversal.direction {
        case .credit: try credit(reversal.amount)
        case .debit: try debit(reversal.amount)
        }
        extras.reverse(reversal.reverses, at: eventCount + 1)
    }

    private func check(_ amount: Money) throws(ImpossibleEvent) {
        guard amount.fractionDigits == currency.fractionDigits else {
            throw ImpossibleEvent("\(amount) has not the fractional digits of \(currency)")
        }
        guard amount.minorUnits > 0 else { throw ImpossibleEvent("a movement of \(amount), not above zero") }
    }

    private func check(_ limit: LimitChange<Money>) throws(ImpossibleEvent) {
        guard case .set(let amount) = limit else { return }
        guard amount.fractionDigits == currency.fractionDigits, amount.minorUnits >= 0 else {
            throw ImpossibleEvent("a limit of \(amount) in \(currency)")
        }
    }

    /// Asks a rule of `decide`: what it refuses cannot have happened.
    @inline(__always)
    private func possible<Value>(_ rule: () throws(AccountRefusal) -> Value) throws(ImpossibleEvent) -> Value {
        do {
            return try rule()
        } catch {
            if case .insufficientFunds(let available, let requested, _, _) = error {
                throw ImpossibleEvent("\(requested) takes what is available, \(available), below zero")
            }
            throw ImpossibleEvent("what must have been refused: \(error)")
        }
    }
}

extension Money? {
    fileprivate mutating func change(_ change: LimitChange<Money>) {
        switch change {
        case .unchanged: return
        case .removed: self = nil
        case .set(let amount): self = amount
        }
    }
}

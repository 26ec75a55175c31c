internal import EventSourcing

/// The rules of movements and holds. `decide` asks them of a state in which all due expiries are recorded, `apply` asks the
/// same of the recorded state: so what was decided can always be applied, and nothing else can.
extension Account {
    /// - Throws: `notFound` and `closed`.
    func requireOpen() throws(AccountRefusal) {
        switch status {
        case .open: return
        case .absent: throw .notFound
        case .closed: throw .closed
        }
    }

    /// Whether money may come in.
    func requireCredit(_ amount: Money) throws(AccountRefusal) {
        if let frozen, frozen.refuses(.credit) { throw .frozen(frozen) }
        // Two amounts within the bounds are far from the end of Int64 even together.
        let sum = units + amount.minorUnits
        if let maximumBalance, sum > maximumBalance.minorUnits {
            throw .limitExceeded(maximum: maximumBalance, balance: balance, requested: amount, currency: currency)
        }
        guard sum <= Money.largestMinorUnits else {
            throw .amountOutOfRange(pointer: "/amount", detail: AmountError.outOfRange.detail(in: currency))
        }
    }

    /// Whether money may go out.
    func requireDebit(_ amount: Money) throws(AccountRefusal) {
        if isPlain {
            if amount.minorUnits > units { throw shortage(of: amount, available: units) }
            return
        }
        let extras = extras
        if let frozen = extras.freeze, frozen.refuses(.debit) { throw .frozen(frozen) }
        let available = units - extras.holds.units + (extras.overdraft?.minorUnits ?? 0)
        if amount.minorUnits > available { throw shortage(of: amount, available: available) }
    }

    /// Whether money may be held under a new name.
    func requireHold(_ hold: HoldID, _ amount: Money) throws(AccountRefusal) {
        let extras = extras
        if let frozen = extras.freeze, frozen.refuses(.debit) { throw .frozen(frozen) }
        if extras.holds.contains(hold) { throw .holdExists(hold) }
        guard extras.holds.open.count < Self.maxOpenHolds else { throw .tooManyHolds(maximum: Self.maxOpenHolds) }
        // Never from the overdraft.
        let available = units - extras.holds.units
        if amount.minorUnits > available { throw shortage(of: amount, available: available) }
    }

    /// The open hold of a name.
    func requireOpenHold(_ hold: HoldID) throws(AccountRefusal) -> OpenHold {
        let holds = extras.holds
        if let open = holds[hold] { return open }
        if let resolution = holds.resolution(of: hold) { throw .holdResolved(hold, resolution) }
        throw .holdNotFound(hold)
    }

    /// Whether the movement at a version may be reversed as far as it was not before.
    func requireNotReversed(_ version: UInt64) throws(AccountRefusal) {
        if let reversal = reversal(of: version) { throw .alreadyReversed(version: reversal) }
    }

    /// Whether the account may end.
    func requireEmpty() throws(AccountRefusal) {
        let held = isPlain ? 0 : extras.holds.units
        guard units == 0, held == 0 else {
            throw .notEmpty(balance: balance, held: money(held), currency: currency)
        }
    }

    func shortage(of amount: Money, available: Int64) -> AccountRefusal {
        .insufficientFunds(
            available: clamped(available), requested: amount, shortfall: clamped(amount.minorUnits - available),
            currency: currency)
    }
}

internal import Accounts
internal import EventSourcing

/// An account as the simplest bookkeeper has it: what its events say, one after another, with every rule asked of each.
struct BookedAccount {
    struct Hold {
        let amount: Int64
        let expiresAt: Timestamp?
    }

    /// Everything that was recorded.
    private(set) var events: [AccountEvent] = []
    private(set) var currency = Currency.usd
    private(set) var balance: Int64 = 0
    private(set) var overdraft: Int64 = 0
    private(set) var maximum: Int64?
    private(set) var frozen: AccountFreeze.Direction?
    private(set) var isClosed = false
    /// Those whose end is not recorded.
    private(set) var holds: [HoldID: Hold] = [:]
    private var usedHolds: Set<HoldID> = []
    private var reversed: Set<UInt64> = []

    func held(at time: Timestamp) -> Int64 {
        holds.values.filter { $0.expiresAt.map { $0 > time } ?? true }.reduce(0) { $0 + $1.amount }
    }

    func available(at time: Timestamp) -> Int64 { balance - held(at: time) + overdraft }

    /// Takes in an event.
    ///
    /// - Returns: which rule is broken; nil: none.
    mutating func take(_ event: AccountEvent, at time: Timestamp) -> String? {
        if isClosed { return "an event of a closed account" }
        if case .opened = event {} else if events.isEmpty { return "an event before the opening" }
        events.append(event)
        switch event {
        case .opened(_, let amount, let currency, let limits):
            guard events.count == 1 else { return "opened twice" }
            self.currency = currency
            overdraft = limits.overdraft?.minorUnits ?? 0
            maximum = limits.maximumBalance?.minorUnits
            return credit(amount)
        case .deposited(let amount, _): return credit(amount)
        case .received(let side): return credit(side.amount)
        case .withdrawn(let amount, _): return debit(amount, at: time)
        case .sent(let side): return debit(side.amount, at: time)
        case .holdPlaced(let hold, let amount, let expiresAt, _):
            guard usedHolds.insert(hold).inserted else { return "\(hold) is placed twice" }
            holds[hold] = Hold(amount: amount.minorUnits, expiresAt: expiresAt)
            if refuses(.debit) { return "\(hold) is placed on a frozen account" }
            return balance < held(at: time) ? "\(hold) draws on the overdraft" : nil
        case .holdCaptured(let capture):
            balance -= capture.amount.minorUnits
            return end(capture.hold, capture.amount.minorUnits + (capture.released?.minorUnits ?? 0))
        case .holdReleased(let hold, let amount): return end(hold, amount.minorUnits)
        case .holdExpired(let hold, let amount):
            return holds[hold]?.expiresAt == nil ? "\(hold) never expires" : end(hold, amount.minorUnits)
        case .limitsSet(let overdraft, let maximum):
            self.overdraft = overdraft.value(or: self.overdraft) ?? 0
            self.maximum = maximum.value(or: self.maximum)
            return nil
        case .frozen(let direction, _): frozen = direction
        case .unfrozen: frozen = nil
        case .closed:
            isClosed = true
            return balance == 0 && held(at: time) == 0 ? nil : "closed with \(balance)"
        case .reversed(let reversal): return reverse(reversal, at: time)
        }
        return nil
    }

    private mutating func reverse(_ reversal: Reversal, at time: Timestamp) -> String? {
        guard (1..<UInt64(events.count)).contains(reversal.reverses) else { return "nothing is reversed" }
        guard reversed.insert(reversal.reverses).inserted else { return "\(reversal.reverses) is reversed twice" }
        let expected: (Money, MovementDirection, StreamID?)? =
            switch events[Int(reversal.reverses) - 1] {
            case .deposited(let amount, _): (amount, .debit, nil)
            case .withdrawn(let amount, _): (amount, .credit, nil)
            case .sent(let side): (side.amount, .credit, side.counterparty)
            case .received(let side) where side.hold == nil: (side.amount, .debit, side.counterparty)
            default: nil
            }
        guard let expected, expected == (reversal.amount, reversal.direction, reversal.link?.counterparty) else {
            return "version \(reversal.reverses) is reversed as \(reversal)"
        }
        return reversal.direction == .credit ? credit(reversal.amount) : debit(reversal.amount, at: time)
    }

    private mutating func credit(_ amount: Money) -> String? {
        balance += amount.minorUnits
        if refuses(.credit) { return "money comes into a frozen account" }
        return maximum.map { balance > $0 } ?? false ? "\(balance) is beyond \(maximum ?? 0)" : nil
    }

    private mutating func debit(_ amount: Money, at time: Timestamp) -> String? {
        balance -= amount.minorUnits
        if refuses(.debit) { return "money leaves a frozen account" }
        return available(at: time) < 0 ? "\(available(at: time)) is available after a movement" : nil
    }

    private mutating func end(_ hold: HoldID, _ amount: Int64) -> String? {
        guard let open = holds.removeValue(forKey: hold) else { return "\(hold) is not open, and ends" }
        return open.amount == amount ? nil : "\(hold) ends with \(amount) and not \(open.amount)"
    }

    private func refuses(_ direction: MovementDirection) -> Bool {
        switch frozen {
        case nil: false
        case .all: true
        case .debits: direction == .debit
        case .credits: direction == .credit
        }
    }
}

extension LimitChange<Money> {
    /// The limit after the change, in minor units.
    fileprivate func value(or old: Int64?) -> Int64? {
        switch self {
        case .unchanged: old
        case .removed: nil
        case .set(let limit): limit.minorUnits
        }
    }
}

extension BookedAccount {
    /// How an account differs from this one at a time; nil: not at all.
    func difference(to account: Account, at time: Timestamp) -> String? {
        let booked = "\(balance), held \(held(at: time)), available \(available(at: time))"
        let shown = (account.balance, account.held(at: time), account.available(at: time))
        guard
            (shown.0.minorUnits, shown.1.minorUnits, shown.2.minorUnits) == (
                balance, held(at: time), available(at: time)
            )
        else { return "at \(time) it has \(booked), and shown are \(shown)" }
        guard account.frozen?.direction == frozen, (account.status == .closed) == isClosed else {
            return "it is \(account.status), \(String(describing: account.frozen))"
        }
        guard account.overdraft?.minorUnits ?? 0 == overdraft, account.maximumBalance?.minorUnits == maximum else {
            return
                "its limits are \(String(describing: account.overdraft)), \(String(describing: account.maximumBalance))"
        }
        let open = Set(account.openHolds(at: time, limit: .max).map(\.hold))
        let bookedOpen = holds.filter { $0.value.expiresAt.map { $0 > time } ?? true }.keys
        return open == Set(bookedOpen) ? nil : "at \(time) its holds are \(open), and booked are \(bookedOpen)"
    }
}

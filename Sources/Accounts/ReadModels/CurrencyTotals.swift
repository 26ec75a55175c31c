internal import EventSourcing

/// What all accounts of a currency come to, as of a time. `deposited` − `withdrawn` = `balance`, always.
public struct CurrencyTotals: Hashable, Sendable {
    /// The currency.
    public let currency: Currency
    /// How many accounts were opened, those that are closed now among them.
    public let accounts: Int
    /// The sum of their balances.
    public let balance: TotalAmount
    /// What is held of it: the sum of the holds that are open at the time.
    public let held: TotalAmount
    /// What came from outside: initial balances, deposits, and reversals of withdrawals; in totals of some accounts alone
    /// also what other accounts sent.
    public let deposited: TotalAmount
    /// What went outside: withdrawals, captures that name no other account, and reversals of deposits; in totals of some
    /// accounts alone also what was sent to other accounts.
    public let withdrawn: TotalAmount
}

/// The running totals of one currency.
struct RunningTotals: Hashable, Sendable {
    /// What any log can lead to: an event moves less than 2⁵⁰ minor units, and there are fewer than 2⁶³ of them. So the
    /// sums of two such amounts cannot overflow.
    static let bounds: ClosedRange<Int128> = -(1 << 113)...(1 << 113)

    let currency: Currency
    var accounts = 0
    var balance: Int128 = 0
    /// All holds that are open as recorded, also those that have expired since.
    var held: Int128 = 0
    /// Those of them that expire.
    var expiring = ExpiringAmounts()
    var deposited: Int128 = 0
    var withdrawn: Int128 = 0
    /// What went to other accounts, and what readable accounts held when a record of theirs could not be applied.
    var sent: Int128 = 0
    /// What came from other accounts.
    var received: Int128 = 0

    init(_ currency: Currency) { self.currency = currency }

    /// Takes in what an event moved, in an account of a range: what came from beyond it came from outside.
    mutating func add(_ movement: Movement, in range: NameRange) {
        let amount = Int128(movement.amount.minorUnits)
        let isInside = movement.counterparty.map { range.contains($0.name) } ?? false
        switch (movement.direction, isInside) {
        case (.credit, false): deposited += amount
        case (.credit, true): received += amount
        case (.debit, false): withdrawn += amount
        case (.debit, true): sent += amount
        }
        balance += movement.direction == .credit ? amount : -amount
    }

    mutating func add(_ hold: OpenHold) {
        held += Int128(hold.amount.minorUnits)
        if let expiresAt = hold.expiresAt { expiring.insert(hold.amount.minorUnits, endingAt: expiresAt) }
    }

    mutating func remove(_ hold: OpenHold) {
        held -= Int128(hold.amount.minorUnits)
        if let expiresAt = hold.expiresAt { expiring.remove(hold.amount.minorUnits, endingAt: expiresAt) }
    }

    /// As of a time. What was sent to accounts that are left out counts as withdrawn, and what came from them as
    /// deposited; among readable accounts as much is received as is sent.
    func totals(asOf time: Timestamp) -> CurrencyTotals {
        let leftOut = sent - received
        return CurrencyTotals(
            currency: currency, accounts: accounts, balance: TotalAmount(balance, in: currency),
            held: TotalAmount(held - expiring.sum(endedAt: time), in: currency),
            deposited: TotalAmount(deposited + max(0, -leftOut), in: currency),
            withdrawn: TotalAmount(withdrawn + max(0, leftOut), in: currency))
    }
}

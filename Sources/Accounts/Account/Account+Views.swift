public import EventSourcing

extension Account {
    /// How far the balance may be below zero; nil: not at all.
    public var overdraft: Money? { isPlain ? nil : extras.overdraft }

    /// The most that a credit may take the balance to; nil: as much as an amount can be.
    public var maximumBalance: Money? { isPlain ? nil : extras.maximumBalance }

    /// Which movements are refused, and why; nil if none are.
    public var frozen: AccountFreeze? { isPlain ? nil : extras.freeze }

    /// The holds that are recorded as open, oldest first: some may be expired already.
    public var openHolds: [OpenHold] { isPlain ? [] : extras.holds.open }

    /// The holds that are open at a time, oldest first, at most `limit`.
    public func openHolds(at time: Timestamp, limit: Int) -> [OpenHold] {
        isPlain ? [] : Array(extras.holds.open.lazy.filter { !$0.isExpired(at: time) }.prefix(limit))
    }

    /// How many holds are recorded as open but expired at a time.
    public func expiredHolds(at time: Timestamp) -> Int { isPlain ? 0 : extras.holds.expired(at: time).count }

    /// What is held at a time.
    public func held(at time: Timestamp) -> Money { money(isPlain ? 0 : extras.holds.units(at: time)) }

    /// What can be taken out at a time: the balance without what is held, and the overdraft. Below zero if the overdraft was
    /// lowered below what was drawn on it.
    ///
    /// Never more than an amount can be, which is the most that one command can take out.
    public func available(at time: Timestamp) -> Money {
        isPlain ? balance : clamped(units - extras.holds.units(at: time) + (extras.overdraft?.minorUnits ?? 0))
    }

    /// How a hold ended, as seen at a time; nil if it is open, or there is none of the name.
    public func resolution(of hold: HoldID, at time: Timestamp) -> HoldResolution? {
        guard !isPlain else { return nil }
        if let open = extras.holds[hold] {
            return open.isExpired(at: time) ? HoldResolution(.expired, version: nil) : nil
        }
        return extras.holds.resolution(of: hold)
    }

    /// The version at which the movement at a version was reversed; nil if it was not.
    public func reversal(of version: UInt64) -> UInt64? { isPlain ? nil : extras.reversal(of: version) }

    /// The nearest amount to a sum of a few amounts.
    func clamped(_ units: Int64) -> Money {
        money(min(max(units, -Money.largestMinorUnits), Money.largestMinorUnits))
    }
}

public import EventSourcing

/// The totals of each currency at a time that has passed, folded from the first record of the log on.
public struct PastTotals: Sendable {
    /// The time.
    public let time: Timestamp
    private var fold = AccountFold()

    /// The totals at a time, before the first record.
    public init(at time: Timestamp) { self.time = time }

    /// Takes in the next record of the log.
    ///
    /// - Returns: false, and leaves it, if it was recorded after the time: as no later one was recorded before it, the
    ///   totals are complete.
    public mutating func apply(_ record: RecordedEvent) -> Bool {
        guard record.recordedAt <= time else { return false }
        _ = fold.apply(record)
        return true
    }

    /// The totals.
    public var totals: [CurrencyTotals] { fold.totals.totals(asOf: time) }

    /// The number of accounts that are left out, since a record of theirs cannot be applied.
    public var unreadableAccounts: Int { fold.unreadable.count }
}

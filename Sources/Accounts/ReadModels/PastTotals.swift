public import EventSourcing

/// The totals of each currency, at a time that has passed or of some accounts alone, folded from the first record of the
/// log on.
public struct PastTotals: Sendable {
    /// The time; nil: now.
    public let time: Timestamp?
    private let range: NameRange
    private var fold: AccountFold

    /// The totals at a time, or now, before the first record.
    ///
    /// - Parameter range: the accounts that are counted. What moved between them and others counts as deposited and
    ///   withdrawn.
    public init(at time: Timestamp?, of range: NameRange = .all) {
        self.time = time
        self.range = range
        fold = AccountFold(of: range)
    }

    /// Takes in the next record of the log.
    ///
    /// - Returns: false, and leaves it, if it was recorded after the time: as no later one was recorded before it, the
    ///   totals are complete.
    public mutating func apply(_ record: RecordedEvent) -> Bool {
        if let time, record.recordedAt > time { return false }
        if range.contains(record.stream.name) { _ = fold.apply(record) }
        return true
    }

    /// The totals: as of the time, or, if they are those of now, as of what the clock says, but of no time before the last
    /// record that counts.
    public func totals(now: Timestamp) -> [CurrencyTotals] {
        let time = time ?? now
        return fold.totals.totals(asOf: max(time, fold.recordedAt ?? time))
    }

    /// The number of accounts that are left out, since a record of theirs cannot be applied.
    public var unreadableAccounts: Int { fold.unreadable.count }
}

internal import EventSourcing

/// All accounts and their totals, folded from the log record by record.
///
/// A record that cannot be applied makes its account unreadable from there on, and leaves all others as they are.
struct AccountFold: Sendable {
    private(set) var accounts = AccountTable()
    private var placesByName: [String: Int32] = [:]
    private(set) var unreadable = UnreadableAccounts()
    private(set) var totals: AccountTotals
    /// When the last record that counts was recorded: nothing here may be looked at as of an earlier time.
    private(set) var recordedAt: Timestamp?

    /// A fold of the accounts of a range: it must be given no records of others.
    init(of range: NameRange = .all) { totals = AccountTotals(of: range) }

    /// The place of an account in ``accounts``, also of one that is unreadable; nil if none of the name was opened.
    func place(of name: String) -> Int32? { placesByName[name] }

    /// Takes in the next record of the log.
    ///
    /// - Returns: the place of the account that it opened, if it opened one.
    mutating func apply(_ record: RecordedEvent) -> Int32? {
        guard record.stream.category == Account.category else { return nil }
        let name = record.stream.name
        if !unreadable.isEmpty, unreadable[name] != nil { return nil }
        do throws(RevisionError) {
            if let place = placesByName[name] {
                try totals.apply(record, to: &accounts[place])
                recordedAt = record.recordedAt
                return nil
            }
            var account = Revision<Account>(of: record.stream)
            try totals.apply(record, to: &account)
            recordedAt = record.recordedAt
            return append(account)
        } catch {
            if let place = placesByName[name] { totals.leaveOut(accounts[place].state) }
            recordedAt = record.recordedAt
            unreadable.add(UnreadableAccount(error))
            return nil
        }
    }

    // MARK: from a checkpoint

    /// Adds an account that was written down. Those that are unreadable must have been added before.
    mutating func add(_ account: Revision<Account>) -> Int32 {
        if unreadable[account.stream.name] == nil { totals.include(account.state) }
        if let updatedAt = account.updatedAt { recordedAt = max(recordedAt ?? updatedAt, updatedAt) }
        return append(account)
    }

    mutating func add(_ account: UnreadableAccount) {
        recordedAt = max(recordedAt ?? account.recordedAt, account.recordedAt)
        unreadable.add(account)
    }

    mutating func add(_ flows: AccountTotals.Flows) { totals.add(flows) }

    private mutating func append(_ account: Revision<Account>) -> Int32 {
        let place = accounts.append(account)
        placesByName[account.stream.name] = place
        return place
    }
}

public import EventSourcing

/// The read model that answers queries about accounts: every account as it is now, and the totals of each currency.
///
/// A record that cannot be applied makes its account unreadable: pages and totals leave the account out, and all others
/// go on. It heals when a program that can read the record builds the directory anew: see ``schema``.
public struct AccountDirectory: Projection {
    /// Names the projection.
    public static let name = "accounts"

    var fold = AccountFold()
    var names = SortedPlaces()
    /// In the order of the owners' very bytes, since equality of strings would take different spellings of one character
    /// for the same; an owner's accounts in the order of their names.
    var owners = SortedPlaces()

    /// An empty directory.
    public init() {}

    /// The number of accounts, unreadable ones that were opened before among them.
    public var count: Int { fold.accounts.count }

    /// What is known of an account.
    public enum Entry: Hashable, Sendable {
        /// The account as it is.
        case account(Revision<Account>)
        /// The first record that cannot be applied, and the account as it was before; nil if that is its first record.
        case unreadable(UnreadableAccount, before: Revision<Account>?)
    }

    /// What is known of an account; nil if there is none of the name.
    public func entry(_ name: String) -> Entry? {
        let account = fold.place(of: name).map { fold.accounts[$0] }
        if !fold.unreadable.isEmpty, let unreadable = fold.unreadable[name] {
            return .unreadable(unreadable, before: account)
        }
        return account.map(Entry.account)
    }

    /// An account as it is; nil if there is none of the name, or it is unreadable.
    public func account(_ name: String) -> Revision<Account>? {
        if case .account(let account)? = entry(name) { account } else { nil }
    }

    /// The number of accounts of a range that are unreadable, or, given a time, were so then.
    public func unreadableAccounts(by time: Timestamp? = nil, in range: NameRange = .all) -> Int {
        fold.unreadable.count(by: time, in: range)
    }

    /// The totals of each currency as of a time, in the order of the currencies' codes: of all accounts but unreadable
    /// ones. A time before that of the last record stands for the latter: no hold expires earlier than recorded.
    public func totals(asOf time: Timestamp) -> [CurrencyTotals] {
        fold.totals.totals(asOf: max(time, fold.recordedAt ?? time))
    }

    /// When the last record of an account was recorded; nil before the first.
    public var recordedAt: Timestamp? { fold.recordedAt }

    /// Takes in the next record of the log. One that cannot be applied makes its account unreadable.
    public mutating func apply(_ record: RecordedEvent) {
        guard let place = fold.apply(record) else { return }
        sortIn(place)
    }

    /// The number of accounts that are unreadable.
    public var unreadableStreams: Int { fold.unreadable.count }

    /// The first records that cannot be applied.
    public func unreadableRecords(limit: Int) -> [RevisionError] {
        fold.unreadable.inOrder.prefix(limit).compactMap { account in
            StreamID(category: Account.category, name: account.name).map {
                RevisionError(
                    position: account.position, stream: $0, streamVersion: account.version,
                    recordedAt: account.recordedAt, reason: account.reason)
            }
        }
    }

    /// Adds a place of the fold to what is in order.
    mutating func sortIn(_ place: Int32) {
        let accounts = fold.accounts
        let (owner, name) = (accounts[place].state.owner, accounts[place].stream.name)
        names.insert(place) { accounts[$0].stream.name > name }
        owners.insert(place) { Self.isBefore(owner, name, accounts[$0].state.owner, accounts[$0].stream.name) }
    }
}

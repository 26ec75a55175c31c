public import EventSourcing

/// The read model that answers queries about accounts: every account as it is now.
public struct AccountDirectory: Projection {
    /// Names the projection.
    public static let name = "accounts"

    private var accounts: [String: Revision<Account>] = [:]
    private var names = SortedNames()
    /// By the owner's very bytes: equality of strings would take different spellings of one character for the same.
    private var namesByOwner: [[UInt8]: SortedNames] = [:]

    /// An empty directory.
    public init() {}

    /// The number of accounts.
    public var count: Int { accounts.count }

    /// An account; nil where there is none of the name.
    public func account(_ name: String) -> Revision<Account>? { accounts[name] }

    /// A part of the accounts.
    public struct Page: Hashable, Sendable {
        /// Accounts in the order of their names.
        public var accounts: [Revision<Account>] = []
        /// The last name that was looked at; nil where there are no more after it.
        public var lastName: String?

        /// The name to go on after, where only the first so many accounts of the page are used; nil at the end.
        public func lastLookedAt(of count: Int) -> String? {
            accounts.count > count ? accounts[count - 1].stream.name : lastName
        }
    }

    /// So many accounts are looked at for a page.
    private static let mostLookedAt = 10_000

    /// Accounts in the order of their names, after a name and at most `limit`.
    ///
    /// - Parameters:
    ///   - owner: where it is given, only this owner's.
    ///   - time: where it is given, only those that were opened at this time or before it. Where that leaves out many,
    ///     a page may hold fewer than `limit`, and say where to go on.
    public func accounts(
        after name: String?, ownedBy owner: String? = nil, openedBy time: Timestamp? = nil, limit: Int
    ) -> Page {
        let names = owner.map { namesByOwner[Array($0.utf8), default: SortedNames()] } ?? self.names
        var page = Page()
        var last = name
        var lookedAt = 0
        while page.accounts.count < limit {
            let next = names.names(after: last, limit: limit)
            for name in next {
                last = name
                lookedAt += 1
                guard let account = accounts[name] else { continue }
                if let time, let createdAt = account.createdAt, createdAt > time { continue }
                page.accounts.append(account)
                if page.accounts.count == limit { break }
            }
            if next.count < limit, last == next.last || next.isEmpty { return page }
            if lookedAt >= Self.mostLookedAt { break }
        }
        page.lastName = last
        return page
    }

    /// Takes in the next record of the log.
    public mutating func apply(_ record: RecordedEvent) throws(RevisionError) {
        guard record.stream.category == Account.category else { return }
        let name = record.stream.name
        if accounts[name] == nil {
            var account = Revision<Account>(of: record.stream)
            try account.apply(record)
            add(account)
        } else {
            try accounts[name]?.apply(record)
        }
    }

    /// Adds an account that is not in the directory yet.
    mutating func add(_ account: Revision<Account>) {
        let name = account.stream.name
        accounts[name] = account
        names.insert(name)
        namesByOwner[Array(account.state.owner.utf8), default: SortedNames()].insert(name)
    }
}

public import EventSourcing

/// The read model that answers queries about accounts: every account as it is now.
public struct AccountDirectory: Projection {
    /// Names the projection.
    public static let name = "accounts"

    private var accounts = AccountTable()
    private var placesByName: [String: Int32] = [:]
    private var names = SortedPlaces()
    /// In the order of the owners' very bytes, since equality of strings would take different spellings of one character
    /// for the same; an owner's accounts in the order of their names.
    private var owners = SortedPlaces()

    /// An empty directory.
    public init() {}

    /// The number of accounts.
    public var count: Int { accounts.count }

    /// An account; nil where there is none of the name.
    public func account(_ name: String) -> Revision<Account>? { placesByName[name].map { accounts[$0] } }

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
        var page = Page()
        var last = name
        var lookedAt = 0
        while page.accounts.count < limit {
            let next = places(after: last, ownedBy: owner, limit: limit)
            for place in next {
                let account = accounts[place]
                last = account.stream.name
                lookedAt += 1
                if let time, let createdAt = account.createdAt, createdAt > time { continue }
                page.accounts.append(account)
                if page.accounts.count == limit { break }
            }
            let isAtEnd = next.count < limit
            if isAtEnd, next.isEmpty || last == next.last.map({ accounts[$0].stream.name }) { return page }
            if lookedAt >= Self.mostLookedAt { break }
        }
        page.lastName = last
        return page
    }

    private func places(after name: String?, ownedBy owner: String?, limit: Int) -> [Int32] {
        guard let owner else {
            return names.places(from: { place in name.map { accounts[place].stream.name > $0 } ?? true }, limit: limit)
        }
        let found = owners.places(
            from: { !Self.isBefore(accounts[$0].state.owner, accounts[$0].stream.name, owner, name ?? "") },
            limit: limit + 1)
        // The name itself is not after it.
        return Array(
            found.drop { accounts[$0].stream.name == name }
                .prefix { accounts[$0].state.owner.utf8.elementsEqual(owner.utf8) }.prefix(limit))
    }

    /// Whether an owner's account stands before another's.
    private static func isBefore(_ owner: String, _ name: String, _ otherOwner: String, _ otherName: String) -> Bool {
        var (owner, otherOwner) = (owner, otherOwner)
        return owner.withUTF8 { owner in
            otherOwner.withUTF8 { otherOwner in
                owner.elementsEqual(otherOwner)
                    ? name < otherName : owner.lexicographicallyPrecedes(otherOwner)
            }
        }
    }

    /// Takes in the next record of the log.
    public mutating func apply(_ record: RecordedEvent) throws(RevisionError) {
        guard record.stream.category == Account.category else { return }
        if let place = placesByName[record.stream.name] {
            try accounts[place].apply(record)
        } else {
            var account = Revision<Account>(of: record.stream)
            try account.apply(record)
            add(account)
        }
    }

    /// Adds an account that is not in the directory yet.
    mutating func add(_ account: Revision<Account>) {
        let (owner, name) = (account.state.owner, account.stream.name)
        let place = accounts.append(account)
        let accounts = accounts
        placesByName[name] = place
        names.insert(place) { accounts[$0].stream.name > name }
        owners.insert(place) { Self.isBefore(owner, name, accounts[$0].state.owner, accounts[$0].stream.name) }
    }
}

public import EventSourcing

extension AccountDirectory {
    /// A part of the accounts.
    public struct Page: Hashable, Sendable {
        /// Accounts in the order of their names.
        public var accounts: [Revision<Account>] = []
        /// The last name that was looked at; nil where there are no more after it.
        public var lastName: String?

        /// The name to go on after, if only the first accounts of the page are used; nil at the end.
        public func lastLookedAt(of count: Int) -> String? {
            accounts.count > count ? accounts[count - 1].stream.name : lastName
        }
    }

    /// So many accounts are looked at for a page.
    private static let maxLookedAt = 10_000

    /// Readable accounts in the order of their names, after a name and at most `limit`.
    ///
    /// - Parameters:
    ///   - range: only accounts of these names. Others are not looked at, so the page depends on them in nothing.
    ///   - owner: if it is given, only this owner's.
    ///   - time: if it is given, only those that were opened at this time or before it, and could be read then. If that
    ///     leaves out many, a page may hold fewer than `limit`, and say where to go on.
    public func accounts(
        after name: String?, in range: NameRange = .all, ownedBy owner: String? = nil, openedBy time: Timestamp? = nil,
        limit: Int
    ) -> Page {
        var page = Page()
        var last = name
        var lookedAt = 0
        while page.accounts.count < limit {
            let next = places(after: last, in: range, ownedBy: owner, limit: limit)
            for place in next {
                let account = fold.accounts[place]
                last = account.stream.name
                lookedAt += 1
                if let time, let createdAt = account.createdAt, createdAt > time { continue }
                if isUnreadable(account.stream.name, at: time) { continue }
                page.accounts.append(account)
                if page.accounts.count == limit { break }
            }
            let isAtEnd = next.count < limit
            if isAtEnd, next.isEmpty || last == next.last.map({ fold.accounts[$0].stream.name }) { return page }
            if lookedAt >= Self.maxLookedAt { break }
        }
        page.lastName = last
        return page
    }

    func places(after name: String?, in range: NameRange, ownedBy owner: String?, limit: Int) -> [Int32] {
        let first = max(name ?? "", range.beginning)
        let found: ArraySlice<Int32>
        if let owner {
            found = owners.places(
                from: { !Self.isBefore(fold.accounts[$0].state.owner, fold.accounts[$0].stream.name, owner, first) },
                limit: limit + 1
            ).prefix { fold.accounts[$0].state.owner.utf8.elementsEqual(owner.utf8) }
        } else {
            found = names.places(from: { fold.accounts[$0].stream.name >= first }, limit: limit + 1)[...]
        }
        // The name itself is not after it.
        return Array(
            found.drop { fold.accounts[$0].stream.name == name }
                .prefix { range.contains(fold.accounts[$0].stream.name) }.prefix(limit))
    }

    private func isUnreadable(_ name: String, at time: Timestamp?) -> Bool {
        guard !fold.unreadable.isEmpty, let unreadable = fold.unreadable[name] else { return false }
        return time.map { unreadable.recordedAt <= $0 } ?? true
    }

    /// Whether an owner's account stands before another's.
    static func isBefore(_ owner: String, _ name: String, _ otherOwner: String, _ otherName: String) -> Bool {
        var (owner, otherOwner) = (owner, otherOwner)
        return owner.withUTF8 { owner in
            otherOwner.withUTF8 { otherOwner in
                owner.elementsEqual(otherOwner)
                    ? name < otherName : owner.lexicographicallyPrecedes(otherOwner)
            }
        }
    }
}

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

    /// Accounts in the order of their names, after a name and at most `limit`; where an owner is given, theirs only.
    public func accounts(after name: String?, ownedBy owner: String? = nil, limit: Int) -> [Revision<Account>] {
        let names = owner.map { namesByOwner[Array($0.utf8), default: SortedNames()] } ?? self.names
        return names.names(after: name, limit: limit).compactMap { accounts[$0] }
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

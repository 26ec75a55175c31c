internal import DequeModule
public import EventSourcing

/// The read model that answers queries: every account as it is, and the newest events of the log.
///
/// Accounts are all held in memory. Of their histories it holds the newest events, as many as it is told, over all
/// accounts together; what is older is to be read from the log.
public struct AccountDirectory: Projection, Sendable {
    /// Names the projection.
    public static let name = "accounts"

    private struct Entry: Sendable {
        var account: Revision<Account>
        /// The account's newest events, up to its last one.
        var history = Deque<RecordedEvent>()
    }

    /// A part of an account's history.
    public enum History: Hashable, Sendable {
        /// The events asked for.
        case events([RecordedEvent])
        /// The events asked for are older than what is held in memory.
        case older
    }

    private var entries: [String: Entry] = [:]
    private var names = SortedNames()
    /// By the owner's very bytes: equality of strings would take different spellings of one character for the same.
    private var namesByOwner: [[UInt8]: SortedNames] = [:]
    /// The accounts of the events held, in the order of positions: so the oldest event of all is always the first of
    /// the account that stands first here.
    private var held = Deque<String>()
    private let historyLimit: Int

    /// An empty directory.
    ///
    /// - Parameter historyLimit: the most events that it holds.
    public init(historyLimit: Int) {
        self.historyLimit = historyLimit
    }

    /// The number of accounts.
    public var count: Int { entries.count }

    /// An account; nil where there is none of the name.
    public func account(_ name: String) -> Revision<Account>? { entries[name]?.account }

    /// Accounts in the order of their names, after a name and at most `limit`; where an owner is given, theirs only.
    public func accounts(after name: String?, ownedBy owner: String? = nil, limit: Int) -> [Revision<Account>] {
        let names = owner.map { namesByOwner[Array($0.utf8), default: SortedNames()] } ?? self.names
        return names.names(after: name, limit: limit).compactMap { entries[$0]?.account }
    }

    /// Events of an account after a version, oldest first, at most `limit`; nil where there is no such account.
    public func history(of name: String, after version: UInt64, limit: Int) -> History? {
        guard let entry = entries[name] else { return nil }
        let newest = entry.account.version
        guard version < newest else { return .events([]) }
        let oldestHeld = newest - UInt64(entry.history.count) + 1
        guard version + 1 >= oldestHeld else { return .older }
        return .events(Array(entry.history.dropFirst(Int(version + 1 - oldestHeld)).prefix(limit)))
    }

    /// Takes in the next record of the log.
    public mutating func apply(_ record: RecordedEvent) throws(RevisionError) {
        guard record.stream.category == Account.category else { return }
        let name = record.stream.name
        if entries[name] == nil {
            var entry = Entry(account: Revision(of: record.stream))
            try entry.account.apply(record)
            entries[name] = entry
            names.insert(name)
            namesByOwner[Array(entry.account.state.owner.utf8), default: SortedNames()].insert(name)
        } else {
            try entries[name]?.account.apply(record)
        }
        guard historyLimit > 0 else { return }
        entries[name]?.history.append(record)
        held.append(name)
        if held.count > historyLimit, let oldest = held.popFirst() { entries[oldest]?.history.removeFirst() }
    }
}

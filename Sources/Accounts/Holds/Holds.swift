internal import EventSourcing
internal import HashTreeCollections

/// The holds of an account as they are recorded: those that are open, and how all others ended.
///
/// Nothing of it changes as time passes: what is seen of it at a time is asked for with that time.
struct Holds: Hashable, Sendable {
    /// What is known of a hold.
    private enum Entry: Hashable, Sendable {
        case open(placedAt: UInt64)
        case resolved(HoldResolution.Kind, version: UInt64)
    }

    /// Those that are open, oldest first.
    private(set) var open: [OpenHold] = []
    /// The minor units of all that are open: never more than an amount can be, since each was placed on money that was there.
    private(set) var units: Int64 = 0
    /// When the first of them expires.
    private var earliestExpiry: Timestamp?
    /// All that ever were.
    private var entries: TreeDictionary<HoldID, Entry> = [:]

    var isEmpty: Bool { entries.isEmpty }

    /// How many there ever were.
    var count: Int { entries.count }

    /// Whether there is, or was, a hold of this name.
    func contains(_ hold: HoldID) -> Bool { entries[hold] != nil }

    /// The hold of this name, if it is open.
    subscript(_ hold: HoldID) -> OpenHold? { index(of: hold).map { open[$0] } }

    /// How the hold of this name ended; nil if it did not.
    func resolution(of hold: HoldID) -> HoldResolution? {
        guard case .resolved(let kind, let version) = entries[hold] else { return nil }
        return HoldResolution(kind, version: version)
    }

    /// Those that are recorded as open but are expired at a time, oldest first.
    func expired(at time: Timestamp) -> [OpenHold] {
        guard let earliestExpiry, earliestExpiry <= time else { return [] }
        return open.filter { $0.isExpired(at: time) }
    }

    /// The minor units that are held at a time.
    func units(at time: Timestamp) -> Int64 {
        expired(at: time).reduce(units) { $0 - $1.amount.minorUnits }
    }

    /// Those that ended, with the kind and version of their end, in that order.
    var resolved: [(hold: HoldID, kind: HoldResolution.Kind, version: UInt64)] {
        entries.compactMap { hold, entry in
            guard case .resolved(let kind, let version) = entry else { return nil }
            return (hold, kind, version)
        }.sorted { $0.version < $1.version }
    }

    /// Adds one that is placed after all others. Its name must be new, and the money there.
    mutating func place(_ hold: OpenHold) {
        entries[hold.hold] = .open(placedAt: hold.placedAt)
        open.append(hold)
        units += hold.amount.minorUnits
        if let expiry = hold.expiresAt { earliestExpiry = min(earliestExpiry ?? expiry, expiry) }
    }

    /// Ends one that is open.
    mutating func resolve(_ hold: HoldID, as kind: HoldResolution.Kind, version: UInt64) {
        guard let index = index(of: hold) else { return }
        entries[hold] = .resolved(kind, version: version)
        let ended = open.remove(at: index)
        units -= ended.amount.minorUnits
        guard ended.expiresAt == earliestExpiry, !open.contains(where: { $0.expiresAt == earliestExpiry }) else {
            return
        }
        earliestExpiry = open.lazy.compactMap(\.expiresAt).min()
    }

    /// Ends all that are expired at a time, oldest first, each with an event of its own: the first of them comes after a
    /// version.
    ///
    /// - Returns: those that it ended.
    mutating func expire(at time: Timestamp, after version: UInt64) -> [OpenHold] {
        let due = expired(at: time)
        if due.isEmpty { return [] }
        for (index, hold) in due.enumerated() {
            entries[hold.hold] = .resolved(.expired, version: version + UInt64(index) + 1)
            units -= hold.amount.minorUnits
        }
        // All at once: thousands may be due, and every command on the account finds them until one is recorded.
        open.removeAll { $0.isExpired(at: time) }
        earliestExpiry = open.lazy.compactMap(\.expiresAt).min()
        return due
    }

    /// Adds one that ended, as it was written down. Its name must be new.
    mutating func add(_ hold: HoldID, endedAs kind: HoldResolution.Kind, version: UInt64) {
        entries[hold] = .resolved(kind, version: version)
    }

    private func index(of hold: HoldID) -> Int? {
        guard case .open(let version) = entries[hold] else { return nil }
        var (low, high) = (0, open.count)
        while low < high {
            let middle = (low + high) / 2
            if open[middle].placedAt < version { low = middle + 1 } else { high = middle }
        }
        return low < open.count ? low : nil
    }
}

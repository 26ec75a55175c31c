internal import DequeModule
public import EventSourcing

/// One aggregate in memory, with decisions that stand on events that are sent to the log but not yet acknowledged.
///
/// So a hot aggregate is not limited to one command per flush of the log: command after command is decided on the state
/// that the one before will make, and all of them travel in one batch. Each append names the version and the last event
/// that it stands on, so if the log refuses one, it refuses all that stood on it, and each is decided again on the
/// state that the log reports.
///
/// Not Sendable: it belongs to the machine, and to its driver as a token.
public final class AggregateSlot<State: Aggregate, Client> {
    typealias Append = PendingAppend<State, Client>
    typealias Run = CommandRun<State, Client>

    public let stream: StreamID

    // MARK: the state

    /// The newest state that the log has confirmed; nil until it is loaded.
    private(set) var confirmed: Revision<State>?
    /// That state with everything under way; nil if nothing is.
    private var speculative: Revision<State>?
    /// The appends under way that expect something of this stream, in their order.
    private(set) var pending = Deque<Append>()
    /// Whether what is held is of no use, and must be loaded anew.
    private var isOutdated = false
    /// Whether it was found to be outdated since the load under way began.
    private var isOutdatedSinceLoad = false
    /// How often it was loaded: another load may have found another history.
    private(set) var history: UInt64 = 0
    /// The version up to which it is settled whether snapshots are due.
    private var snapshotVersion: UInt64 = 0

    // MARK: the commands

    /// Commands that are being executed on it; while there are any, the slot stays.
    var users = 0
    /// Those that must be executed in their order.
    var sequence = CommandSequence<State, Client>()
    /// When the last of these was executed.
    var lastInSequence: ContinuousClock.Instant?
    private(set) var isLoading = false
    private var loadWaiters: [Run] = []
    /// The commands that have a key, by their keys.
    private var keyHolders: [[UInt8]: Run] = [:]
    /// Commands that wait until none before them has their key, in their order.
    private var keyWaiters: [Run] = []

    /// Of the cache: used since the clock's hand last passed.
    var wasUsed = false

    public init(_ stream: StreamID) { self.stream = stream }

    /// The state with everything under way; nil until it is loaded.
    var newest: Revision<State>? { speculative ?? confirmed }

    var needsLoad: Bool { confirmed == nil || isOutdated }

    // MARK: loading

    /// - Returns: whether a load is to be started for it; else one is under way.
    func waitForLoad(_ run: Run) -> Bool {
        loadWaiters.append(run)
        guard !isLoading else { return false }
        isLoading = true
        isOutdatedSinceLoad = false
        return true
    }

    /// What is held is of no use.
    func outdate() {
        isOutdated = true
        isOutdatedSinceLoad = true
    }

    /// The load under way has ended.
    ///
    /// - Parameter revision: what was loaded; nil: it failed.
    /// - Returns: those who waited for it.
    func loaded(_ revision: Revision<State>?) -> [Run] {
        isLoading = false
        let waiters = loadWaiters
        loadWaiters = []
        // What was outdated while it was loaded is loaded anew.
        if let revision, !isOutdatedSinceLoad { restart(at: revision) }
        return waiters
    }

    /// Begins anew at a state that the log told. What is under way is given up; the log may still record it.
    private func restart(at revision: Revision<State>) {
        for append in pending { append.run.doom() }
        pending.removeAll()
        speculative = nil
        confirmed = revision
        history += 1
        snapshotVersion = revision.version
        isOutdated = false
    }

    // MARK: appending

    /// Takes in an append that expects something of this stream, with the state after it.
    func add(_ append: Append, after revision: Revision<State>?) {
        pending.append(append)
        if let revision { speculative = revision }
    }

    /// The log committed an append.
    ///
    /// - Returns: whether it was under way here; if not, only the log knows the state after it.
    func committed(_ append: Append, _ part: Append.Part, at time: Timestamp) throws(ImpossibleEvent) -> Bool {
        guard let first = pending.first, first === append, confirmed != nil else {
            // Answers come in the order of the appends. If one does not, what is held cannot be relied on.
            if index(of: append) != nil { outdate() }
            return false
        }
        pending.removeFirst()
        for (event, sent) in zip(part.events, part.sent) {
            try confirmed?.apply(event, id: sent.id, recordedAt: time)
        }
        // The speculative state holds the same events; only its times were not known.
        if pending.isEmpty { speculative = nil }
        return true
    }

    /// Gives up an append that is under way here.
    ///
    /// - Parameter withLater: whether also what came after it, which stands on it.
    /// - Returns: what was given up beside it.
    func giveUp(_ append: Append, withLater: Bool) -> [Append] {
        guard let index = index(of: append) else { return [] }
        var later: [Append] = []
        if withLater {
            later = Array(pending[(index + 1)...])
            pending.removeSubrange(index...)
        } else {
            pending.remove(at: index)
        }
        speculate()
        return later
    }

    /// Forgets all that is under way: nobody will hear of it any more.
    func abandon() {
        pending.removeAll()
        loadWaiters = []
        keyHolders = [:]
        keyWaiters = []
        sequence = CommandSequence()
    }

    private func index(of append: Append) -> Int? {
        var (low, high) = (0, pending.count)
        while low < high {
            let middle = (low + high) / 2
            if pending[middle].number < append.number { low = middle + 1 } else { high = middle }
        }
        return low < pending.count && pending[low] === append ? low : nil
    }

    /// Makes the speculative state anew.
    private func speculate() {
        speculative = nil
        guard !pending.isEmpty, var next = confirmed else { return }
        do throws(ImpossibleEvent) {
            for append in pending {
                for part in [append.own] + append.others where part.slot === self {
                    for (event, sent) in zip(part.events, part.sent) {
                        try next.apply(event, id: sent.id, recordedAt: next.updatedAt ?? Timestamp(microseconds: 0))
                    }
                }
            }
            speculative = next
        } catch {
            // They were applied to this very state before, so this cannot be. Should it be, then deciding on the
            // confirmed state is still right: the log refuses what does not stand on its newest event.
            for append in pending { append.run.doom() }
            pending.removeAll()
        }
    }

    // MARK: what the log tells

    /// Takes in what the log told with a conflict, once the append is given up.
    ///
    /// - Throws: ``RevisionError`` if an event that was missed cannot be applied.
    func learn(_ conflict: StreamConflict) throws(RevisionError) {
        // While newer decisions are under way, the log will answer each of them on its own.
        guard pending.isEmpty, let known = confirmed else { return }
        // An end before what it had confirmed: the log was restored. Another event at the same version: it took another
        // course. Either way what is held is of no use.
        let last = conflict.missed.first { $0.streamVersion == known.version }
        guard conflict.actual >= known.version, last == nil || last?.event.id == known.lastEvent else {
            return outdate()
        }
        speculative = nil
        for record in conflict.missed where record.streamVersion > (confirmed?.version ?? 0) {
            guard record.streamVersion == (confirmed?.version ?? 0) + 1 else { break }
            try confirmed?.apply(record)
        }
        if let version = confirmed?.version, version < conflict.actual { outdate() }
    }

    /// The event of a version that is under way; nil if the version is confirmed, or beyond all that is.
    func pendingEvent(at version: UInt64) -> State.Event? {
        guard var last = confirmed?.version, version > last else { return nil }
        for append in pending {
            for part in [append.own] + append.others where part.slot === self {
                let next = last + UInt64(part.events.count)
                if version <= next { return part.events[Int(version - last) - 1] }
                last = next
            }
        }
        return nil
    }

    /// The state, if a snapshot of it is due, since it was last asked.
    func snapshotIfDue(by policy: SnapshotPolicy) -> Revision<State>? {
        // What is to be loaded anew may have been loaded from a wrong snapshot.
        guard let confirmed, !isOutdated else { return nil }
        defer { snapshotVersion = confirmed.version }
        return policy.isDue(from: snapshotVersion, to: confirmed.version) ? confirmed : nil
    }

    // MARK: keys

    /// The fingerprint of the command that has a key; nil if none has it.
    func fingerprint(of key: IdempotencyKey) -> Digest256? { keyHolders[key.bytes]?.order.key?.fingerprint }

    func take(_ key: IdempotencyKey, for run: Run) {
        keyHolders[key.bytes] = run
        run.holdsKey = true
    }

    func waitForKey(_ run: Run) { keyWaiters.append(run) }

    /// Gives a key to the next who waits for it. It is never free in between: whoever came later would get it first.
    func release(_ key: IdempotencyKey) -> Run? {
        guard let next = keyWaiters.firstIndex(where: { $0.order.key?.bytes == key.bytes }) else {
            keyHolders[key.bytes] = nil
            return nil
        }
        let waiter = keyWaiters.remove(at: next)
        take(key, for: waiter)
        return waiter
    }
}

internal import DequeModule
internal import EventSourcing

/// What is known of one aggregate: the newest state that the log has confirmed, and that state with everything that is sent
/// to the log but not yet acknowledged.
///
/// A slot holds it as one property, and each of these functions is one access to it.
struct SlotState<State: Aggregate, Client> {
    typealias Append = PendingAppend<State, Client>

    /// The newest state that the log has confirmed, once it is loaded.
    private(set) var confirmed: Revision<State>
    /// That state with everything under way; the same if nothing is.
    private(set) var newest: Revision<State>
    /// The appends under way that expect something of this stream, in their order.
    private var pending = Deque<Append>()
    /// Whether nothing is held yet, or what is held is of no use.
    private(set) var needsLoad = true
    /// Whether it was found to be of no use since the load under way began.
    private var isOutdatedSinceLoad = false
    /// How often it was loaded: another load may have found another history.
    private(set) var history: UInt64 = 0
    /// The version up to which it is settled whether snapshots are due.
    private var snapshotVersion: UInt64 = 0

    init(of stream: StreamID) {
        confirmed = Revision(of: stream)
        newest = confirmed
    }

    private var isLoaded: Bool { history > 0 }

    /// Whether nothing is under way.
    var isSettled: Bool { pending.isEmpty }

    // MARK: loading

    mutating func beginLoad() { isOutdatedSinceLoad = false }

    /// What is held is of no use.
    mutating func outdate() {
        needsLoad = true
        isOutdatedSinceLoad = true
    }

    /// A load has ended. What was outdated while it was loaded is loaded anew.
    mutating func loaded(_ revision: Revision<State>) {
        if !isOutdatedSinceLoad { restart(at: revision) }
    }

    /// Begins anew at a state that the log told. What is under way is given up; the log may still record it.
    private mutating func restart(at revision: Revision<State>) {
        for append in pending { append.run.doom() }
        pending.removeAll()
        confirmed = revision
        newest = revision
        history += 1
        snapshotVersion = revision.version
        needsLoad = false
    }

    // MARK: appending

    /// Takes in an append that expects something of this stream. When its events will be recorded is not known yet, and
    /// nobody reads it before it is.
    ///
    /// - Throws: ``ImpossibleEvent`` if an event cannot be applied; then the append is to be given up.
    mutating func add(_ append: Append, _ part: Append.Part, at time: Timestamp) throws(ImpossibleEvent) {
        pending.append(append)
        try part.apply(to: &newest, at: time)
    }

    /// The log committed an append.
    ///
    /// - Returns: whether it was under way here; if not, only the log knows the state after it.
    mutating func committed(
        _ append: Append, _ part: Append.Part, at time: Timestamp
    ) throws(ImpossibleEvent) -> Bool {
        guard pending.first === append else {
            // Answers come in the order of the appends. If one does not, what is held cannot be relied on.
            if index(of: append) != nil { outdate() }
            return false
        }
        pending.removeFirst()
        try part.apply(to: &confirmed, at: time)
        // The newest state holds the same events; only its times were not known.
        if pending.isEmpty { newest.takeTimes(of: confirmed) }
        return true
    }

    /// Gives up an append that is under way here.
    ///
    /// - Parameter withLater: whether also what came after it, which stands on it.
    /// - Returns: what was given up beside it.
    mutating func giveUp(_ append: Append, withLater: Bool) -> [Append] {
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
    mutating func abandon() { pending.removeAll() }

    private func index(of append: Append) -> Int? {
        var (low, high) = (0, pending.count)
        while low < high {
            let middle = (low + high) / 2
            if pending[middle].number < append.number { low = middle + 1 } else { high = middle }
        }
        return low < pending.count && pending[low] === append ? low : nil
    }

    /// Makes the newest state anew.
    private mutating func speculate() {
        newest = confirmed
        do throws(ImpossibleEvent) {
            for append in pending {
                let time = newest.updatedAt ?? Timestamp(microseconds: 0)
                for part in append.parts(on: confirmed.stream) { try part.apply(to: &newest, at: time) }
            }
        } catch {
            // They were applied to this very state before, so this cannot be. Should it be, then deciding on the
            // confirmed state is still right: the log refuses what does not stand on its newest event.
            for append in pending { append.run.doom() }
            pending.removeAll()
            newest = confirmed
        }
    }

    // MARK: what the log tells

    /// Takes in what the log told with a conflict, once the append is given up.
    ///
    /// - Throws: ``RevisionError`` if an event that was missed cannot be applied.
    mutating func learn(_ conflict: StreamConflict) throws(RevisionError) {
        // While newer decisions are under way, the log will answer each of them on its own.
        guard pending.isEmpty, isLoaded else { return }
        // An end before what it had confirmed: the log was restored. Another event at the same version: it took another
        // course. Either way what is held is of no use.
        let last = conflict.missed.first { $0.streamVersion == confirmed.version }
        guard conflict.actual >= confirmed.version, last == nil || last?.event.id == confirmed.lastEvent else {
            return outdate()
        }
        defer { newest = confirmed }
        for record in conflict.missed where record.streamVersion > confirmed.version {
            guard record.streamVersion == confirmed.version + 1 else { break }
            try confirmed.apply(record)
        }
        if confirmed.version < conflict.actual { outdate() }
    }

    /// The event of a version that is under way; nil if the version is confirmed, or beyond all that is.
    func pendingEvent(at version: UInt64) -> State.Event? {
        guard isLoaded, version > confirmed.version else { return nil }
        var last = confirmed.version
        for append in pending {
            for part in append.parts(on: confirmed.stream) {
                let next = last + UInt64(part.events.count)
                if version <= next { return part.events[Int(version - last) - 1] }
                last = next
            }
        }
        return nil
    }

    /// Whether a snapshot of the confirmed state is due, since it was last asked.
    mutating func takesSnapshot(by policy: SnapshotPolicy) -> Bool {
        // What is to be loaded anew may have been loaded from a wrong snapshot.
        if needsLoad { return false }
        defer { snapshotVersion = confirmed.version }
        return policy.isDue(from: snapshotVersion, to: confirmed.version)
    }
}

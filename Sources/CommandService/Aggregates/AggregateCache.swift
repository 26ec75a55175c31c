internal import EventSourcing

/// The aggregates that are kept in memory, at most so many: where another needs room, the one not used for longest
/// goes, unless it is in use.
///
/// Not Sendable: it belongs to the actor that uses it.
final class AggregateCache<State: Aggregate> {
    /// One aggregate's place. Linked to its neighbours in order of use.
    final class Slot {
        let stream: StreamID
        /// nil until the log told of it.
        var pipeline: AggregatePipeline<State>?
        /// Whether what the pipeline holds is of no use, and must be loaded anew.
        private(set) var isOutdated = false
        /// How often that was found, so that a load which was under way then is not taken for a newer one.
        private(set) var timesOutdated = 0
        var isLoading = false
        /// The version up to which it is settled whether snapshots are due.
        var snapshotVersion: UInt64 = 0
        /// The newest append that was ever decided on here.
        var lastTicket: Ticket?
        /// Those who wait for it to be loaded.
        private var loadWaiters: [CheckedContinuation<Void, Never>] = []
        /// Those who wait to hear whether an append under way is committed.
        private var ticketWaiters: [(ticket: Ticket, continuation: CheckedContinuation<Bool, Never>)] = []
        /// Commands that are being obeyed; while there are any, the slot stays.
        var users = 0
        /// The keys of those among them that have one, with their fingerprints.
        var runningKeys: [[UInt8]: Digest256] = [:]

        fileprivate var newer: Slot?
        /// Whoever is linked is in the cache, which holds it; a weak reference costs more than all else here.
        fileprivate unowned(unsafe) var older: Slot?

        fileprivate init(_ stream: StreamID) { self.stream = stream }

        var needsLoad: Bool { pipeline == nil || isOutdated }

        func outdate() {
            isOutdated = true
            timesOutdated += 1
        }

        func isLoadedAnew() { isOutdated = false }

        /// Whether a version that the log told of was taken in, or is going to be loaded. While appends are under way a
        /// pipeline takes in nothing; should they fail, it is back at its older state.
        func knows(_ version: UInt64) -> Bool { isOutdated || (pipeline?.confirmed.version ?? 0) >= version }

        func waitForLoad(_ continuation: CheckedContinuation<Void, Never>) { loadWaiters.append(continuation) }

        /// Lets everybody who waits for the load look again.
        func wakeLoadWaiters() {
            let woken = loadWaiters
            loadWaiters = []
            for waiter in woken { waiter.resume() }
        }

        func wait(for ticket: Ticket, _ continuation: CheckedContinuation<Bool, Never>) {
            ticketWaiters.append((ticket, continuation))
        }

        /// Tells those who wait for a ticket how it ended: to be called after every end of an append, with its ticket
        /// where it was committed. Whatever else is no longer under way was given up.
        func wakeTicketWaiters(committed: Ticket?) {
            guard !ticketWaiters.isEmpty else { return }
            let asked = ticketWaiters
            ticketWaiters = []
            for waiter in asked {
                if waiter.ticket == committed {
                    waiter.continuation.resume(returning: true)
                } else if pipeline?.isPending(waiter.ticket) ?? false {
                    ticketWaiters.append(waiter)
                } else {
                    waiter.continuation.resume(returning: false)
                }
            }
        }
    }

    typealias Ticket = AggregatePipeline<State>.Ticket

    private var slots: [StreamID: Slot] = [:]
    private var oldest: Slot?
    private var newest: Slot?
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    var count: Int { slots.count }

    /// The aggregate's place, made where it has none, and now the one used last.
    func slot(of stream: StreamID) -> Slot {
        if let slot = slots[stream] {
            if slot !== newest {
                unlink(slot)
                link(slot)
            }
            return slot
        }
        if slots.count >= limit { makeRoom() }
        let slot = Slot(stream)
        slots[stream] = slot
        link(slot)
        return slot
    }

    /// Lets every aggregate be loaded anew before it is used again.
    func outdateAll() {
        for slot in slots.values { slot.outdate() }
    }

    private func makeRoom() {
        // Few are in use at a time, so this ends soon; where all are, the cache grows by those in use.
        var candidate = oldest
        while let slot = candidate {
            if slot.users == 0 {
                unlink(slot)
                slots[slot.stream] = nil
                return
            }
            candidate = slot.newer
        }
    }

    private func link(_ slot: Slot) {
        slot.older = newest
        slot.newer = nil
        newest?.newer = slot
        newest = slot
        if oldest == nil { oldest = slot }
    }

    private func unlink(_ slot: Slot) {
        let (older, newer) = (slot.older, slot.newer)
        if let older { older.newer = newer } else { oldest = newer }
        if let newer { newer.older = older } else { newest = older }
        slot.older = nil
        slot.newer = nil
    }
}

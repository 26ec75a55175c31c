internal import EventSourcing

/// The aggregates that are kept in memory, at most so many: where another needs room, one that was not used for long goes,
/// and never one that is in use.
///
/// Which one that is, a hand finds that goes round over all of them, takes from each the mark of its last use, and stops
/// at one that has none ("second chance"). An exact order of use would have to be changed at three places far apart in
/// memory by every command.
///
/// Not Sendable: it belongs to the actor that uses it.
final class AggregateCache<State: Aggregate> {
    /// One aggregate's place.
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
        private var runningKeys: [[UInt8]: Digest256] = [:]
        /// Commands that wait until none before them has their key, in their order.
        private var keyWaiters: [(key: IdempotencyKey, continuation: CheckedContinuation<Void, Never>)] = []
        /// Those among them that must be obeyed in their order.
        var sequence = CommandSequence()
        /// When the last of these was obeyed.
        var lastInSequence: ContinuousClock.Instant?

        fileprivate var wasUsed = false

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

        /// The fingerprint of the command that has a key; nil if none has it.
        func holder(of key: IdempotencyKey) -> Digest256? { runningKeys[key.bytes] }

        func take(_ key: IdempotencyKey) { runningKeys[key.bytes] = key.fingerprint }

        /// Lets a command wait for a key that another has; it has the key when it goes on.
        func waitForKey(_ key: IdempotencyKey, _ continuation: CheckedContinuation<Void, Never>) {
            keyWaiters.append((key, continuation))
        }

        /// Gives a key to the next who waits for it. It is never free in between: whoever came later would get it first.
        func release(_ key: IdempotencyKey) {
            guard let next = keyWaiters.firstIndex(where: { $0.key.bytes == key.bytes }) else {
                runningKeys[key.bytes] = nil
                return
            }
            let waiter = keyWaiters.remove(at: next)
            take(waiter.key)
            waiter.continuation.resume()
        }

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

    /// So many are looked at for room; then the next goes that is not in use, used lately or not.
    private static var mostLooks: Int { 32 }

    private var slots: [StreamID: Slot] = [:]
    /// All of them, in no order.
    private var ring: [Slot] = []
    private var hand = 0
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    var count: Int { slots.count }

    /// The aggregate's place, made where it has none.
    func slot(of stream: StreamID) -> Slot {
        if let slot = slots[stream] {
            slot.wasUsed = true
            return slot
        }
        while ring.count >= limit, removeOne() {}
        let slot = Slot(stream)
        slots[stream] = slot
        ring.append(slot)
        return slot
    }

    /// Lets every aggregate be loaded anew before it is used again.
    func outdateAll() {
        for slot in slots.values { slot.outdate() }
    }

    /// - Returns: false where all are in use: the cache grows by those.
    private func removeOne() -> Bool {
        for look in 0..<(ring.count + Self.mostLooks) {
            if hand >= ring.count { hand = 0 }
            let slot = ring[hand]
            if slot.users == 0, !slot.wasUsed || look >= Self.mostLooks {
                slots[slot.stream] = nil
                ring.swapAt(hand, ring.count - 1)
                ring.removeLast()
                return true
            }
            slot.wasUsed = false
            hand += 1
        }
        return false
    }
}

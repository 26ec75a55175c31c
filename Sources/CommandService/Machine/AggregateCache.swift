internal import EventSourcing

/// The aggregates that are kept in memory, up to a limit: to make room for another, one that was not used lately is
/// evicted, and never one that is in use.
///
/// It evicts with the CLOCK (second-chance) algorithm. An exact order of use would have to be changed at three places far
/// apart in memory by every command.
struct AggregateCache<State: Aggregate, Client> {
    typealias Slot = AggregateSlot<State, Client>

    /// How many slots are looked at before one is evicted although it was used lately.
    private static var maxLooks: Int { 32 }

    private var slots: [StreamID: Slot] = [:]
    /// All of them, in no order.
    private var ring: [Slot] = []
    private var hand = 0
    private let limit: Int

    init(limit: Int) { self.limit = limit }

    var count: Int { slots.count }

    /// The aggregate's slot, made if it has none.
    mutating func slot(of stream: StreamID) -> Slot {
        if let slot = slots[stream] {
            slot.wasUsed = true
            return slot
        }
        while ring.count >= limit, evictOne() {}
        let slot = Slot(stream)
        slots[stream] = slot
        ring.append(slot)
        return slot
    }

    /// Calls for every aggregate in memory.
    func forEach(_ body: (Slot) -> Void) { for slot in ring { body(slot) } }

    /// - Returns: false if all are in use: the cache grows by those.
    private mutating func evictOne() -> Bool {
        for look in 0..<(ring.count + Self.maxLooks) {
            if hand >= ring.count { hand = 0 }
            let slot = ring[hand]
            if slot.users == 0, !slot.wasUsed || look >= Self.maxLooks {
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

internal import HeapModule

/// Those who wait until a projection reaches a position, at most so many.
///
/// A pure data structure: whoever takes a waiter out resumes it, outside its own lock.
struct PositionWaiters {
    typealias Waiter = CheckedContinuation<Bool, Never>

    private struct Place: Comparable {
        let position: UInt64
        let number: UInt64

        static func < (left: Place, right: Place) -> Bool {
            (left.position, left.number) < (right.position, right.number)
        }
    }

    private let limit: Int
    private var waiters: [UInt64: Waiter] = [:]
    private var places = Heap<Place>()
    private var lastNumber: UInt64 = 0

    init(limit: Int) { self.limit = limit }

    var count: Int { waiters.count }

    /// A number for a waiter to come.
    mutating func nextNumber() -> UInt64 {
        lastNumber += 1
        return lastNumber
    }

    /// Adds a waiter under its number.
    ///
    /// - Returns: false where there are as many as there may be.
    mutating func add(_ number: UInt64, for position: UInt64, _ waiter: Waiter) -> Bool {
        guard waiters.count < limit else { return false }
        waiters[number] = waiter
        places.insert(Place(position: position, number: number))
        return true
    }

    /// Takes out a waiter who gives up; nil where it is gone already.
    mutating func remove(_ number: UInt64) -> Waiter? {
        let waiter = waiters.removeValue(forKey: number)
        // The places of those who gave up go when they come to the top, or all at once where they are most.
        if places.count > 2 * waiters.count + 64 {
            places = Heap(places.unordered.filter { waiters[$0.number] != nil })
        }
        return waiter
    }

    /// Takes out everybody who waits for `position` or one before it.
    mutating func takeReached(_ position: UInt64) -> [Waiter] {
        var reached: [Waiter] = []
        while let next = places.min, next.position <= position {
            places.removeMin()
            if let waiter = waiters.removeValue(forKey: next.number) { reached.append(waiter) }
        }
        return reached
    }

    /// Takes out everybody.
    mutating func takeAll() -> [Waiter] { takeReached(.max) }
}

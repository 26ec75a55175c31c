internal import EventSourcing
internal import HeapModule
internal import TestSupport

/// Time and chance. Whatever happens in a simulation is on its agenda, happens one thing at a time, and takes no time
/// but what was asked for; every choice comes from one seed. So a seed tells everything, and repeats it.
final class World {
    private struct Entry: Comparable {
        let due: Microseconds
        let number: UInt64
        let body: () -> Void

        /// What is due at the same time happens in the order in which it was asked for.
        static func < (left: Entry, right: Entry) -> Bool { (left.due, left.number) < (right.due, right.number) }
        static func == (left: Entry, right: Entry) -> Bool { left.number == right.number }
    }

    /// Any instant will do: only differences to it are ever looked at.
    private static let epoch = ContinuousClock.now

    let seed: UInt64
    private let isTraced: Bool
    private var generator: SeededGenerator
    private var agenda = Heap<Entry>()
    private var lastNumber: UInt64 = 0

    /// The time since the beginning.
    private(set) var now: Microseconds = 0
    /// The things that have happened.
    private(set) var steps = 0
    /// What came about.
    private(set) var situations: Set<Situation> = []
    /// The first promise that was broken.
    private(set) var violation: Violation?

    init(seed: UInt64, isTraced: Bool = false) {
        self.seed = seed
        self.isTraced = isTraced
        generator = SeededGenerator(seed: seed)
    }

    // MARK: time

    var instant: ContinuousClock.Instant { Self.epoch + .microseconds(now) }

    var timestamp: Timestamp { Timestamp(microseconds: 1_700_000_000_000_000 + now) }

    func after(_ pause: Microseconds, _ body: @escaping () -> Void) {
        lastNumber += 1
        agenda.insert(Entry(due: now + max(0, pause), number: lastNumber, body: body))
    }

    func after(_ pauses: ClosedRange<Microseconds>, _ body: @escaping () -> Void) {
        after(between(pauses), body)
    }

    /// Lets the next thing happen.
    ///
    /// - Returns: false where nothing is left to happen.
    func step() -> Bool {
        guard let next = agenda.popMin() else { return false }
        now = next.due
        steps += 1
        next.body()
        return true
    }

    /// Forgets what has not happened yet, so that nothing keeps the world alive.
    func end() { agenda = Heap() }

    // MARK: chance

    func between<Number: FixedWidthInteger>(_ range: ClosedRange<Number>) -> Number {
        Number.random(in: range, using: &generator)
    }

    /// True once in so many times.
    func onceIn(_ times: Int) -> Bool { between(1...times) == 1 }

    func oneOf<Element>(_ choices: [Element]) -> Element { choices[between(0...choices.count - 1)] }

    func newID() -> UniqueID { UniqueID.version7(at: timestamp, using: &generator) }

    // MARK: what is seen

    /// Notes that a promise was broken. The first tells the most, so only that is kept.
    func violated(_ invariant: Invariant, _ what: @autoclosure () -> String) {
        guard violation == nil else { return }
        let violation = Violation(seed: seed, time: now, invariant: invariant, what: what())
        self.violation = violation
        trace("\(violation)")
    }

    func expect(_ isTrue: Bool, _ invariant: Invariant, _ otherwise: @autoclosure () -> String) {
        if !isTrue { violated(invariant, otherwise()) }
    }

    func saw(_ situation: Situation) { situations.insert(situation) }

    func trace(_ line: @autoclosure () -> String) {
        if isTraced { print("\(now) \(line())") }
    }
}

/// Simulated time, counted in whole microseconds.
typealias Microseconds = Int64

extension Microseconds {
    static func milliseconds(_ count: Int64) -> Microseconds { count * 1000 }
    static func seconds(_ count: Int64) -> Microseconds { count * 1_000_000 }
}

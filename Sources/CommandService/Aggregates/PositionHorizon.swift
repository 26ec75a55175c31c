internal import EventSourcing
internal import Synchronization

/// The highest log position of which this gateway has told a client, or may have: what a query forwarded by it must
/// show at least.
final class PositionHorizon: Sendable {
    private let highest = Atomic<UInt64>(0)
    private let waits = Atomic<Int>(0)

    var position: UInt64 { highest.load(ordering: .acquiring) }

    /// Whether queries wait for a position beyond it, so that the log is to be asked more often.
    var isAwaited: Bool { waits.load(ordering: .relaxed) > 0 }

    func beginWait() { waits.add(1, ordering: .relaxed) }

    func endWait() { waits.subtract(1, ordering: .relaxed) }

    func advance(to position: UInt64) {
        highest.max(position, ordering: .acquiringAndReleasing)
    }

    /// The log went back: what was told of beyond its head is no more.
    func reset(to position: UInt64) {
        highest.store(position, ordering: .releasing)
    }

    func advance(over events: [RecordedEvent]) {
        if let last = events.last { advance(to: last.position) }
    }
}

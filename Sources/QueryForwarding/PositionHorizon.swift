internal import Synchronization

/// The highest log position of which this gateway has told a client, or may have: what a query forwarded by it must
/// show at least.
///
/// A gateway that was just started does not know what was told at its address before. The log does: all of that is not
/// beyond the log's head. Until the log has told its head, the horizon is not known, and no query is to be answered.
package final class PositionHorizon: Sendable {
    private let highest = Atomic<UInt64>(0)
    private let isEstablished = Atomic<Bool>(false)
    private let waits = Atomic<Int>(0)

    /// A horizon that is not known yet.
    package init() {}

    /// The highest position of which a client may have been told by this process.
    package var position: UInt64 { highest.load(ordering: .acquiring) }

    /// What a query must show at least; nil until the log has told its head.
    package var required: UInt64? { isEstablished.load(ordering: .acquiring) ? position : nil }

    /// Whether queries wait for a position beyond it, so that the log is to be asked more often.
    package var isAwaited: Bool { waits.load(ordering: .relaxed) > 0 }

    /// A query waits for a position beyond it.
    package func beginWait() { waits.add(1, ordering: .relaxed) }

    /// It does not wait any more.
    package func endWait() { waits.subtract(1, ordering: .relaxed) }

    /// A client may be told of a position.
    package func advance(to position: UInt64) {
        highest.max(position, ordering: .acquiringAndReleasing)
    }

    /// The log has told its head, after everything that it had acknowledged before.
    package func establish(at head: UInt64) {
        advance(to: head)
        isEstablished.store(true, ordering: .releasing)
    }

    /// The log went back: what was told of beyond its head is no more. To be established anew by a head that is asked for
    /// after this, since the log goes on meanwhile.
    package func forget() {
        isEstablished.store(false, ordering: .releasing)
        highest.store(0, ordering: .releasing)
    }
}

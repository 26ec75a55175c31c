internal import EventSourcing
internal import Synchronization

/// Which snapshots of the log a query service believes, and how many it did not.
final class SnapshotTrust: Sendable {
    let key: SnapshotKey
    private let count = Atomic<UInt64>(0)

    init(_ key: SnapshotKey) { self.key = key }

    /// Snapshots that were found and not believed.
    var unbelieved: UInt64 { count.load(ordering: .relaxed) }

    func noteUnbelieved() { count.add(1, ordering: .relaxed) }
}

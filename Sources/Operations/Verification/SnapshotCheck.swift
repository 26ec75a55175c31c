internal import EventSourcing

/// Compares snapshots with what the events give.
struct SnapshotCheck<State: SnapshottableAggregate> {
    let count: Int
    private var open: [StreamID: [UInt64: Snapshot]] = [:]

    init(_ snapshots: [Snapshot]) {
        count = snapshots.count
        for snapshot in snapshots { open[snapshot.stream, default: [:]][snapshot.version] = snapshot }
    }

    /// An aggregate has come to a version.
    mutating func pass(_ revision: Revision<State>) throws(VerificationFailure) {
        guard let snapshot = open[revision.stream]?.removeValue(forKey: revision.version) else { return }
        guard snapshot == revision.snapshot else {
            throw VerificationFailure(
                stream: revision.stream, "the snapshot at version \(revision.version) is not what the events give")
        }
        if open[revision.stream]?.isEmpty == true { open[revision.stream] = nil }
    }

    /// All events have passed.
    func finish() throws(VerificationFailure) {
        guard let (stream, snapshots) = open.min(by: { $0.key.description < $1.key.description }),
            let version = snapshots.keys.min()
        else { return }
        throw VerificationFailure(stream: stream, "there is a snapshot of version \(version), but no such event")
    }
}

internal import EventSourcing

/// Compares signed snapshots with what the events give, signed.
struct SnapshotCheck<State: SnapshottableAggregate> {
    /// How many are checked.
    private(set) var count: Int
    private let logID: UniqueID
    private let signer: SnapshotSigner<State>
    private var open: [StreamID: [UInt64: Snapshot]] = [:]

    init(_ snapshots: [Snapshot], of logID: UniqueID, signedBy signer: SnapshotSigner<State>) {
        count = snapshots.count
        self.logID = logID
        self.signer = signer
        for snapshot in snapshots { open[snapshot.stream, default: [:]][snapshot.version] = snapshot }
    }

    /// An aggregate has come to a version.
    mutating func pass(_ revision: Revision<State>) throws(VerificationFailure) {
        guard let snapshot = open[revision.stream]?.removeValue(forKey: revision.version) else { return }
        guard snapshot == revision.snapshot.flatMap({ signer.sign($0, in: logID) }) else {
            throw VerificationFailure(
                stream: revision.stream, "the snapshot at version \(revision.version) is not what the events give")
        }
        if open[revision.stream]?.isEmpty == true { open[revision.stream] = nil }
    }

    /// An aggregate has come to a version that cannot be folded: a snapshot of it is not checked.
    mutating func skip(_ stream: StreamID, version: UInt64) {
        guard open[stream]?.removeValue(forKey: version) != nil else { return }
        count -= 1
        if open[stream]?.isEmpty == true { open[stream] = nil }
    }

    /// The events that are to be looked at have passed: snapshots of later ones are not checked.
    mutating func leaveOutRest() {
        count -= open.values.reduce(0) { $0 + $1.count }
        open = [:]
    }

    /// All events have passed.
    func finish() throws(VerificationFailure) {
        guard let (stream, snapshots) = open.min(by: { $0.key.description < $1.key.description }),
            let version = snapshots.keys.min()
        else { return }
        throw VerificationFailure(stream: stream, "there is a snapshot of version \(version), but no such event")
    }
}

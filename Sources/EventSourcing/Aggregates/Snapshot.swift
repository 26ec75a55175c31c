/// An aggregate whose state can be written down, so that not all of its events must be folded to have it.
public protocol SnapshottableAggregate: Aggregate {
    /// What the written form and its meaning depend on: change it with every change of state, `apply` or form. A
    /// snapshot of another schema is ignored, never misread.
    static var snapshotSchema: String { get }

    /// The state, in a form of the aggregate's own.
    var snapshotState: [UInt8] { get }

    /// So many bytes ``snapshotState`` has at least, found without writing it: what is too long for a snapshot is not to be
    /// written down again and again for nothing. 0 if nothing is known.
    var leastSnapshotSize: Int { get }

    /// Reads what ``snapshotState`` wrote.
    ///
    /// - Throws: ``CheckpointError`` where it wrote no such thing.
    init(snapshotState: [UInt8]) throws(CheckpointError)
}

extension SnapshottableAggregate {
    /// The fingerprint of ``snapshotSchema``, kept with every snapshot.
    public static var snapshotFingerprint: Digest256 { Digest256(hashing: Array(snapshotSchema.utf8)) }

    /// Nothing is known.
    public var leastSnapshotSize: Int { 0 }
}

/// A stream's state after a number of events: a copy of what their fold gives, and never needed for correctness.
public struct Snapshot: Hashable, Sendable {
    /// The longest state, in bytes.
    public static let longestState = 65_536

    /// The stream.
    public let stream: StreamID
    /// How many events were folded: 1 to ``RecordedEvent/maxOrdinal``.
    public let version: UInt64
    /// The id of the last of them.
    public let lastEvent: UniqueID
    /// When the first was recorded.
    public let createdAt: Timestamp
    /// When the last was recorded: not before the first.
    public let updatedAt: Timestamp
    /// The fingerprint of the schema of `state`.
    public let fingerprint: Digest256
    /// The state, in the aggregate's own form, at most ``longestState`` bytes.
    public let state: [UInt8]

    /// A snapshot from its parts. Nothing is checked: ``Revision/init(_:)`` does, before it is used.
    public init(
        stream: StreamID, version: UInt64, lastEvent: UniqueID, createdAt: Timestamp, updatedAt: Timestamp,
        fingerprint: Digest256, state: [UInt8]
    ) {
        self.stream = stream
        self.version = version
        self.lastEvent = lastEvent
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.fingerprint = fingerprint
        self.state = state
    }
}

extension Revision where State: SnapshottableAggregate {
    /// The aggregate as a snapshot holds it.
    ///
    /// - Throws: ``CheckpointError`` where the snapshot is of another schema or cannot be read, and for a version or times
    ///   that no aggregate can have.
    public init(_ snapshot: Snapshot) throws(CheckpointError) {
        guard snapshot.fingerprint == State.snapshotFingerprint else {
            throw CheckpointError("the snapshot of \(snapshot.stream) is of another schema")
        }
        try self.init(
            of: snapshot.stream, state: State(snapshotState: snapshot.state), version: snapshot.version,
            lastEvent: snapshot.lastEvent, createdAt: snapshot.createdAt, updatedAt: snapshot.updatedAt)
    }

    /// A snapshot of the aggregate; nil before its first event, and if its state is longer than a snapshot's may be.
    public var snapshot: Snapshot? {
        guard let lastEvent, let createdAt, let updatedAt, state.leastSnapshotSize <= Snapshot.longestState else {
            return nil
        }
        let state = state.snapshotState
        guard state.count <= Snapshot.longestState else { return nil }
        return Snapshot(
            stream: stream, version: version, lastEvent: lastEvent, createdAt: createdAt, updatedAt: updatedAt,
            fingerprint: State.snapshotFingerprint, state: state)
    }
}

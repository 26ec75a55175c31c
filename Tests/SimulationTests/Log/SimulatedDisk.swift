internal import EventSourcing

/// A log on a disk: what was written is there for its writer, but only what was flushed survives a crash.
struct SimulatedDisk {
    private var written: ReferenceLog
    /// What was flushed: what readers see, and what is found after a crash.
    private(set) var durable: ReferenceLog
    private var snapshots: [StreamID: [Snapshot]] = [:]

    init(logID: UniqueID) {
        written = ReferenceLog(logID: logID)
        durable = written
    }

    /// Writes a batch, to be flushed.
    mutating func write(
        _ requests: [AppendRequest], at time: Timestamp
    ) -> (results: [AppendResult], records: [RecordedEvent]) {
        written.append(requests, at: time)
    }

    mutating func flush() { durable = written }

    /// Loses what was not flushed. What was being flushed may be there, whole, or not: it is one transaction.
    mutating func crash(whileFlushing isThere: Bool) {
        if isThere { durable = written } else { written = durable }
    }

    // MARK: snapshots

    /// Keeps a snapshot, durable at once.
    ///
    /// - Returns: false: the stream has no event of its version and id.
    mutating func keep(_ snapshot: Snapshot) -> Bool {
        let events = durable.stream(snapshot.stream)
        guard (1...UInt64(max(1, events.count))).contains(snapshot.version), !events.isEmpty,
            events[Int(snapshot.version) - 1].event.id == snapshot.lastEvent
        else { return false }
        snapshots[snapshot.stream, default: []].append(snapshot)
        return true
    }

    /// The newest snapshot of a stream at a version or before it.
    func snapshot(of stream: StreamID, fingerprint: Digest256, atMost version: UInt64) -> Snapshot? {
        snapshots[stream]?.filter { $0.fingerprint == fingerprint && $0.version <= version }
            .max { $0.version < $1.version }
    }
}

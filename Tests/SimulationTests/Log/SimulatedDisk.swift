internal import EventSourcing

/// A log on a disk: what was written is there for its writer, but only what was flushed survives a crash.
struct SimulatedDisk {
    private var written: ReferenceLog
    /// What was flushed: what readers see, and what is found after a crash.
    private(set) var durable: ReferenceLog

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
}

package import EventSourcing

/// What makes a conflict, and how much it says.
package enum ConflictRules {
    /// The limit of the missed events that a conflict returns, of all its streams together.
    private static let missedLimit = ReadLimit(events: 100, bytes: 256 << 10)
    /// Once the conflicts of one batch return this many bytes of records, each further one returns only the first event
    /// that was missed: reading delays the whole batch, and all of it may be for one appender, which must have memory
    /// for it.
    private static let maxMissedBytesOfBatch = 2 << 20
    /// Once they return this many bytes, further ones return no event: a single event may be large.
    private static let maxMissedBytesInAll = 3 << 20

    /// What the next conflict of a batch may return; nil: no event.
    ///
    /// - Parameter bytes: those of the records that the conflicts before it return.
    package static func missedLimit(after bytes: Int) -> ReadLimit? {
        if bytes < maxMissedBytesOfBatch { return missedLimit }
        return bytes < maxMissedBytesInAll ? .oneEvent : nil
    }

    /// Whether a stream with a version, whose last event has an id, is as an appender expects it.
    package static func holds(_ expected: ExpectedVersion, version: UInt64, lastEvent id: UniqueID?) -> Bool {
        switch expected {
        case .any: true
        case .exactly(let expectedVersion, let lastEvent):
            version == expectedVersion && (lastEvent == nil || lastEvent == id)
        }
    }
}

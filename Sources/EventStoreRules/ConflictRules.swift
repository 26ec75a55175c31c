package import EventSourcing

/// What makes a conflict, and how much it says.
package enum ConflictRules {
    /// The limit of the missed events that a conflict names, of all its streams together.
    private static let missedLimit = ReadLimit(events: 100, bytes: 256 << 10)
    /// Once the records that the conflicts of one batch name have so many bytes, each further one names only the first event
    /// that was missed: reading holds up the whole batch, and all of it may be for one appender, who must find room for it.
    private static let maxMissedBytesOfBatch = 2 << 20
    /// Beyond so many none is named: a single event may be large.
    private static let maxMissedBytesInAll = 3 << 20

    /// The limit of the missed events that the next conflict of a batch names; nil: it names none.
    ///
    /// - Parameter named: the bytes of the records that those before it name.
    package static func missedLimit(after named: Int) -> ReadLimit? {
        if named < maxMissedBytesOfBatch { return missedLimit }
        return named < maxMissedBytesInAll ? .oneEvent : nil
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

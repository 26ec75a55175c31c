package import EventSourcing

/// What makes a conflict, and how much it says.
package enum ConflictRules {
    /// The most that a conflict tells of what its appender missed, of all its streams together.
    private static let missedLimit = ReadLimit(events: 100, bytes: 256 << 10)
    /// Once the records that the conflicts of one batch tell have so many bytes, each further one tells only the first event
    /// that was missed: reading holds the whole batch up, and all of it may be for one appender, who must find room for it.
    private static let maxMissedBytesOfBatch = 2 << 20
    /// Beyond so many none is told: a single event may be large.
    private static let maxMissedBytesInAll = 3 << 20

    /// What the next conflict of a batch may tell; nil: no event.
    ///
    /// - Parameter told: the bytes of the records that those before it tell.
    package static func missedLimit(after told: Int) -> ReadLimit? {
        if told < maxMissedBytesOfBatch { return missedLimit }
        return told < maxMissedBytesInAll ? .oneEvent : nil
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

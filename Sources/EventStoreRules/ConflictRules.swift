package import EventSourcing

/// What makes a conflict, and how much it says.
package enum ConflictRules {
    /// The limit of the missed events that a conflict names, of all its streams together.
    package static let missedLimit = ReadLimit(events: 100, bytes: 256 << 10)
    /// Once the conflicts of one batch name so many bytes, each further one names only the first event that was missed:
    /// reading holds up the whole batch.
    package static let maxMissedBytesOfBatch = 2 << 20

    /// Whether a stream with a version, whose last event has an id, is as an appender expects it.
    package static func holds(_ expected: ExpectedVersion, version: UInt64, lastEvent id: UniqueID?) -> Bool {
        switch expected {
        case .any: true
        case .exactly(let expectedVersion, let lastEvent):
            version == expectedVersion && (lastEvent == nil || lastEvent == id)
        }
    }
}

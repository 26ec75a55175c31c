internal import EventSourcing

/// The records that were handed on while a projection is rebuilt from the log, for the shadow to take in at the end.
struct RebuildTail {
    private static let mostRecords = 200_000

    private var records: [RecordedEvent] = []
    /// The rebuild cannot be finished: too many records came.
    private(set) var hasFailed = false

    mutating func add(_ record: RecordedEvent) {
        guard !hasFailed else { return }
        records.append(record)
        if records.count > Self.mostRecords {
            hasFailed = true
            records = []
        }
    }

    mutating func take() -> [RecordedEvent] {
        defer { records = [] }
        return records
    }

    var isEmpty: Bool { records.isEmpty }
}

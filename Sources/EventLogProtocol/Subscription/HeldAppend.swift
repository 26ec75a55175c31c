internal import EventSourcing

/// Holds back the records of an append until its last one has come, so that nobody is handed half of one.
///
/// A pure data structure, bounded: no append of an honest log is larger than what is held at most.
struct HeldAppend: Sendable {
    /// The most records of an append: section 10 of the specification.
    static let maxRecords = AppendRequest.maxEvents
    /// The most bytes of data and metadata in an append: those of the largest frame that the log takes, section 10.
    static let maxBytes = 8 << 20

    /// What came of some records.
    struct Outcome {
        /// The records of appends that are whole now.
        let whole: [RecordedEvent]
        /// Whether an append turned out to be larger than any can be. What came of it is dropped, and all after it.
        let isTooLarge: Bool
    }

    /// The records of an append that has not ended yet.
    private(set) var records: [RecordedEvent] = []
    /// The bytes of their data and metadata.
    private var bytes = 0

    /// Takes in records that follow on those held.
    mutating func take(_ new: [RecordedEvent]) -> Outcome {
        var end = 0
        var (count, bytes) = (records.count, self.bytes)
        for index in new.indices {
            guard new[index].continues else {
                end = index + 1
                (count, bytes) = (0, 0)
                continue
            }
            count += 1
            bytes += new[index].event.data.count + new[index].event.metadata.count
            guard count < Self.maxRecords, bytes <= Self.maxBytes else {
                let whole = end == 0 ? [] : records + new[..<end]
                drop()
                return Outcome(whole: whole, isTooLarge: true)
            }
        }
        self.bytes = bytes
        // Nearly always appends are whole; then they are handed on without being copied.
        if records.isEmpty, end == new.count { return Outcome(whole: new, isTooLarge: false) }
        guard end > 0 else {
            records += new
            return Outcome(whole: [], isTooLarge: false)
        }
        let whole = records + new[..<end]
        records = Array(new[end...])
        return Outcome(whole: whole, isTooLarge: false)
    }

    /// Lets go of what is held.
    mutating func drop() {
        records = []
        bytes = 0
    }
}

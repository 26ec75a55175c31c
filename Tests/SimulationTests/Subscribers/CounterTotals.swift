internal import EventSourcing

/// The projection of the simulation: every counter, as of a position.
struct CounterTotals {
    private(set) var position: UInt64 = 0
    private(set) var counters: [StreamID: Revision<Counter>] = [:]

    mutating func apply(_ record: RecordedEvent) throws(RevisionError) {
        var revision = counters[record.stream] ?? Revision(of: record.stream)
        try revision.apply(record)
        counters[record.stream] = revision
        position = record.position
    }
}

internal import EventSourcing

/// The log as a sequential reference reads it: at every version of every stream the fold of the events so far.
struct History<State: Aggregate> {
    /// A stream after one of its events.
    private struct Step {
        let revision: Revision<State>
        let position: UInt64
    }

    private(set) var records: [RecordedEvent] = []
    private var steps: [StreamID: [Step]] = [:]

    var head: UInt64 { UInt64(records.count) }

    var streams: some Collection<StreamID> { steps.keys }

    /// Whether an append ends at a position.
    func isWhole(at position: UInt64) -> Bool { position == 0 || !records[Int(position) - 1].continues }

    func version(of stream: StreamID) -> UInt64 { UInt64(steps[stream]?.count ?? 0) }

    /// The version that a stream had at a position of the log.
    func version(of stream: StreamID, at position: UInt64) -> UInt64 {
        UInt64(steps[stream]?.lastIndex { $0.position <= position }.map { $0 + 1 } ?? 0)
    }

    /// The fold of a stream's first events; nil if it has not so many.
    func revision(of stream: StreamID, version: UInt64) -> Revision<State>? {
        guard version > 0 else { return Revision(of: stream) }
        guard let folded = steps[stream], version <= folded.count else { return nil }
        return folded[Int(version) - 1].revision
    }

    /// A stream as it was at a position of the log.
    func revision(of stream: StreamID, at position: UInt64) -> Revision<State> {
        steps[stream]?.last { $0.position <= position }?.revision ?? Revision(of: stream)
    }

    /// The record of a stream's event; nil if it has not so many.
    func record(_ stream: StreamID, version: UInt64) -> RecordedEvent? {
        guard version > 0, let folded = steps[stream], version <= folded.count else { return nil }
        return records[Int(folded[Int(version) - 1].position) - 1]
    }

    mutating func append(_ record: RecordedEvent) throws(RevisionError) {
        var revision = steps[record.stream]?.last?.revision ?? Revision(of: record.stream)
        try revision.apply(record)
        steps[record.stream, default: []].append(Step(revision: revision, position: record.position))
        records.append(record)
    }
}

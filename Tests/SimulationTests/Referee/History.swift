internal import EventSourcing

/// The log as a sequential reference reads it: at every version of every stream the fold of the events so far.
struct History {
    private(set) var records: [RecordedEvent] = []
    private var revisions: [StreamID: [Revision<Counter>]] = [:]

    var head: UInt64 { UInt64(records.count) }

    func version(of stream: StreamID) -> UInt64 { UInt64(revisions[stream]?.count ?? 0) }

    /// The fold of a stream's first events; nil where it has not so many.
    func revision(of stream: StreamID, at version: UInt64) -> Revision<Counter>? {
        guard version > 0 else { return Revision(of: stream) }
        guard let folded = revisions[stream], version <= folded.count else { return nil }
        return folded[Int(version) - 1]
    }

    mutating func append(_ record: RecordedEvent) throws(RevisionError) {
        var revision = revisions[record.stream]?.last ?? Revision(of: record.stream)
        try revision.apply(record)
        revisions[record.stream, default: []].append(revision)
        records.append(record)
    }
}

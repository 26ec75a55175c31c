internal import EventSourcing

/// The projection of the simulation: every stream as of a position, beside the domain's own read model.
struct StreamTotals<Domain: SimulatedDomain> {
    private(set) var position: UInt64 = 0
    private(set) var revisions: [StreamID: Revision<Domain.State>] = [:]
    private(set) var readModel = Domain.ReadModel()

    mutating func apply(_ record: RecordedEvent) throws(RevisionError) {
        var revision = revisions[record.stream] ?? Revision(of: record.stream)
        try revision.apply(record)
        revisions[record.stream] = revision
        try readModel.apply(record)
        position = record.position
    }
}

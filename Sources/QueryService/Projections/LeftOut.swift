internal import EventSourcing
internal import Logging
internal import Synchronization

/// What a projection leaves out: streams with a record that it cannot apply. It is whole in all else.
struct LeftOut: Hashable, Sendable {
    /// So many of the records are named.
    static let maxNamed = 20

    /// The number of streams.
    var streams = 0
    /// Some of the records, at most ``maxNamed``.
    var records: [RevisionError] = []

    init() {}

    init(_ model: borrowing some Projection) {
        streams = model.unreadableStreams
        if streams > 0 { records = model.unreadableRecords(limit: Self.maxNamed) }
    }
}

extension ProjectionHost {
    /// What the projection leaves out.
    var leftOut: LeftOut { state.withLock { LeftOut($0.model) } }

    /// Logs that there are more, or fewer, unreadable streams than before.
    func reportUnreadable() {
        let found = state.withLock { state -> LeftOut? in
            guard state.model.unreadableStreams != state.reportedUnreadable else { return nil }
            state.reportedUnreadable = state.model.unreadableStreams
            return LeftOut(state.model)
        }
        guard let found else { return }
        guard found.streams > 0 else {
            logger.info("all streams can be read again", metadata: ["projection": "\(name)"])
            return
        }
        logger.error(
            "streams with a record that cannot be applied are left out",
            metadata: [
                "projection": "\(name)", "streams": "\(found.streams)",
                "records": "\(found.records.map(\.description).joined(separator: "; "))",
            ])
    }
}

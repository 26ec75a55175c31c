public import EventSourcing

/// The streams of which a record is recorded well but cannot be applied: each is proved up to there, and from there on
/// its fold and its snapshots are not.
public struct UnreadableStreams: Hashable, Sendable {
    /// So many are named; the rest are counted.
    static let maxNamed = 100

    /// The first of them in the order of the log, each with the record that cannot be applied.
    public private(set) var named: [RevisionError] = []
    private var streams: Set<StreamID> = []

    /// How many there are, the named ones among them.
    public var count: Int { streams.count }

    func contains(_ stream: StreamID) -> Bool { !streams.isEmpty && streams.contains(stream) }

    mutating func add(_ error: RevisionError) {
        guard streams.insert(error.stream).inserted, named.count < Self.maxNamed else { return }
        named.append(error)
    }
}

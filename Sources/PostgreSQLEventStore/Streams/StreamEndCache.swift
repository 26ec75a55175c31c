internal import EventSourcing

/// The ends of the streams that were used lately, so that most appends need not ask the database.
///
/// Two generations bound it: when the young one is full it becomes the old one, and what was not used since is evicted.
struct StreamEndCache {
    private let generationSize: Int
    private var young: [StreamID: StreamEnd] = [:]
    private var old: [StreamID: StreamEnd] = [:]

    /// A cache of at most `capacity` streams.
    init(capacity: Int) { generationSize = max(1, capacity / 2) }

    /// The end of a stream, or nil if it must be loaded.
    mutating func end(of stream: StreamID) -> StreamEnd? {
        if let end = young[stream] { return end }
        guard let end = old[stream] else { return nil }
        set(end, for: stream)
        return end
    }

    /// Keeps the end of a stream.
    mutating func set(_ end: StreamEnd, for stream: StreamID) {
        if young.count >= generationSize && young[stream] == nil {
            old = young
            young = Dictionary(minimumCapacity: generationSize)
        }
        young[stream] = end
    }

    /// Evicts all: another program may have appended.
    mutating func removeAll() {
        young = [:]
        old = [:]
    }
}

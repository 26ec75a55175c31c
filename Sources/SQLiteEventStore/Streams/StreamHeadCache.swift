internal import EventSourcing

/// The ends of the streams that were written to lately, so that most appends need not ask the index.
///
/// Two generations bound it: when the young one is full it becomes the old one, and what was not used since is
/// forgotten.
struct StreamHeadCache {
    private let generationSize: Int
    private var young: [StreamID: StreamHead] = [:]
    private var old: [StreamID: StreamHead] = [:]

    /// A cache of at most `capacity` streams.
    init(capacity: Int) {
        generationSize = max(1, capacity / 2)
    }

    /// The number of streams that it knows; one may count twice.
    var count: Int { young.count + old.count }

    /// The end of a stream, or nil where it must be loaded.
    mutating func head(of stream: StreamID) -> StreamHead? {
        if let head = young[stream] { return head }
        guard let head = old[stream] else { return nil }
        set(head, for: stream)
        return head
    }

    /// Remembers the end of a stream.
    mutating func set(_ head: StreamHead, for stream: StreamID) {
        if young.count >= generationSize && young[stream] == nil {
            old = young
            young = Dictionary(minimumCapacity: generationSize)
        }
        young[stream] = head
    }
}

internal import EventSourcing

/// The events that were recorded last, by their streams: what a conflict has to return is mostly among them.
///
/// Two generations bound it: when the young one is full it becomes the old one, and the older is forgotten.
struct RecentEvents {
    private static let maxBytesOfGeneration = 4 << 20

    private var young: [StreamID: [RecordedEvent]] = [:]
    private var old: [StreamID: [RecordedEvent]] = [:]
    private var bytes = 0

    /// Takes an event that follows all before it in its stream.
    mutating func add(_ record: RecordedEvent) {
        if bytes >= Self.maxBytesOfGeneration {
            old = young
            young = [:]
            bytes = 0
        }
        young[record.stream, default: []].append(record)
        // What an event takes beside its data.
        bytes += 256 + record.event.data.count + record.event.metadata.count
    }

    /// The events of a stream from a version through another; nil if some are not among the recent ones.
    func events(of stream: StreamID, from first: UInt64, through last: UInt64) -> [RecordedEvent]? {
        let events = (old[stream] ?? []) + (young[stream] ?? [])
        guard first <= last, let start = events.first?.streamVersion, start <= first,
            let end = events.last?.streamVersion, last <= end, end - start + 1 == UInt64(events.count)
        else { return nil }
        return Array(events[Int(first - start)...Int(last - start)])
    }

    /// Forgets all: what was recorded since is not known.
    mutating func removeAll() { self = RecentEvents() }
}

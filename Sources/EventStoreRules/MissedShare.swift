package import EventSourcing

/// Divides what a conflict may tell of missed events among its streams: each may take an equal share of what those before
/// it left.
package struct MissedShare {
    /// The bytes of data and metadata that were taken.
    package private(set) var bytesTaken = 0
    private var events: Int
    private var bytes: Int
    private var streams: Int

    /// Shares of a limit for a number of streams.
    package init(of limit: ReadLimit, streams: Int) {
        (events, bytes) = (limit.events, limit.bytes)
        self.streams = streams
    }

    /// What the next stream may take; nil if nothing is left. A read gives one event whatever its size, so the last share
    /// may be exceeded by that event.
    package mutating func next() -> ReadLimit? {
        defer { streams -= 1 }
        guard events > 0, bytes > 0 else { return nil }
        return ReadLimit(events: max(1, events / streams), bytes: max(1, bytes / streams))
    }

    /// A stream took these.
    package mutating func take(_ missed: [RecordedEvent]) {
        let size = missed.reduce(0) { $0 + $1.event.data.count + $1.event.metadata.count }
        events -= missed.count
        bytes -= size
        bytesTaken += size
    }
}

extension ReadLimit {
    /// One event, whatever its size.
    package static let oneEvent = ReadLimit(events: 1, bytes: 1)
}

package import EventSourcing

/// Divides the missed events that a conflict may return among its streams: each may take an equal share of what those
/// before it left.
///
/// What it may return are events, data and metadata; what was taken is counted as it is sent, for small events are
/// little of that.
package struct MissedShare {
    /// The bytes of the records that were taken, headers and topics included.
    package private(set) var bytesTaken = 0
    private var events: Int
    private var bytes: Int
    private var streams: Int

    /// Shares of a limit for a number of streams; without one, nothing is left to be taken.
    package init(of limit: ReadLimit?, streams: Int) {
        (events, bytes) = limit.map { ($0.events, $0.bytes) } ?? (0, 0)
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
        events -= missed.count
        for record in missed {
            bytes -= record.event.data.count + record.event.metadata.count
            bytesTaken += record.byteCount
        }
    }
}

extension ReadLimit {
    /// One event, whatever its size.
    package static let oneEvent = ReadLimit(events: 1, bytes: 1)
}

internal import DequeModule
public import EventSourcing

/// The newest records of the log, within bounds of their number and their bytes; what is older is to be read from the
/// log.
public struct RecentEvents: Projection {
    /// Names the projection.
    public static let name = "events"

    /// A part of a history.
    public enum Part: Hashable, Sendable {
        /// The records asked for.
        case records([RecordedEvent])
        /// What was asked for is older than what is held.
        case older
    }

    private var records = Deque<RecordedEvent>()
    /// The places in `records`, counted from the first record ever held, of each stream's records.
    private var positions: [StreamID: Deque<UInt64>] = [:]
    private let limit: Int
    private let byteLimit: Int
    /// What the records held take, in bytes.
    package private(set) var bytes = 0
    /// The position before the first record held.
    private var before: UInt64

    /// What a record takes in memory beside its bytes, about.
    static let overhead = 256

    /// Holds the newest records that come after a position.
    ///
    /// - Parameters:
    ///   - limit: the most records.
    ///   - bytes: the most bytes that they take in memory, about.
    public init(limit: Int, bytes: Int = .max, after position: UInt64 = 0) {
        self.limit = limit
        byteLimit = bytes
        before = position
    }

    /// Takes in the next record of the log.
    public mutating func apply(_ record: RecordedEvent) {
        guard limit > 0 else {
            before = record.position
            return
        }
        records.append(record)
        bytes += Self.size(of: record)
        positions[record.stream, default: []].append(record.position)
        while records.count > limit || bytes > byteLimit, let oldest = records.popFirst() {
            before = oldest.position
            bytes -= Self.size(of: oldest)
            positions[oldest.stream]?.removeFirst()
            if positions[oldest.stream]?.isEmpty == true { positions[oldest.stream] = nil }
        }
    }

    /// Records after a position, in order, at most so many.
    public func records(after position: UInt64, limit: Int) -> Part {
        guard position >= before else { return .older }
        return .records(Array(records.dropFirst(Int(clamping: position - before)).prefix(limit)))
    }

    /// The hash of the record at a position; nil where the record is not held.
    public func hash(at position: UInt64) -> Digest256? {
        guard position > before, position - before <= UInt64(records.count) else { return nil }
        return self[position].hash
    }

    /// Records of a stream after a version and up to another, oldest first, at most so many.
    public func records(of stream: StreamID, after version: UInt64, upTo last: UInt64, limit: Int) -> Part {
        guard version < last else { return .records([]) }
        guard let held = positions[stream], let first = held.first.map({ self[$0].streamVersion }),
            version + 1 >= first
        else { return .older }
        let wanted = held.dropFirst(Int(clamping: version + 1 - first)).prefix(Int(clamping: last - version)).prefix(
            limit)
        return .records(wanted.map { self[$0] })
    }

    private static func size(of record: RecordedEvent) -> Int {
        // The stream's name twice: it is also a name in `positions`.
        record.event.data.count + record.event.metadata.count + record.event.type.utf8.count
            + 2 * (record.stream.name.utf8.count + record.stream.category.utf8.count) + overhead
    }

    private subscript(_ position: UInt64) -> RecordedEvent { records[Int(position - before - 1)] }
}

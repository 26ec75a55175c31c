/// An event as an appender offers it: not yet in any log.
public struct NewEvent: Hashable, Sendable {
    /// The event's own id, a version 7 UUID made by the appender. The log keeps it as it is.
    public let id: UniqueID

    /// The event's type, such as `MoneyDeposited`: see ``StreamID/isValidEventType(_:)``.
    public let type: String

    /// The version of the schema that `data` follows, from 1.
    public let schemaVersion: UInt16

    /// A JSON object in UTF-8 with what is known about the event (who, why), or no bytes.
    public let metadata: [UInt8]

    /// The event's own data: JSON in UTF-8, without the type. Stored, hashed and published as these very bytes.
    public let data: [UInt8]

    /// An event to append.
    public init(id: UniqueID, type: String, schemaVersion: UInt16, metadata: [UInt8] = [], data: [UInt8]) {
        self.id = id
        self.type = type
        self.schemaVersion = schemaVersion
        self.metadata = metadata
        self.data = data
    }
}

/// An event as the log recorded it: a fact that never changes again.
public struct RecordedEvent: Hashable, Sendable {
    /// The largest position, and the largest version of a stream: 2^63 − 1, the largest whole number of SQLite, PostgreSQL
    /// and many languages. What counts from it by one cannot overflow.
    public static let maxOrdinal = UInt64(Int64.max)

    /// Its place in the whole log: 1, 2, 3, … without gaps.
    public let position: UInt64

    /// The stream that it belongs to.
    public let stream: StreamID

    /// Its place in the stream: 1, 2, 3, … without gaps.
    public let streamVersion: UInt64

    /// When the log recorded it; never earlier than the record before it.
    public let recordedAt: Timestamp

    /// What the appender offered.
    public let event: NewEvent

    /// Whether the append that it is part of goes on in the next record. Readers take in an append whole or not at all.
    public let continues: Bool

    /// The record's hash, which covers the hash of the record before it: see ``HashChain``.
    public internal(set) var hash: Digest256

    /// A record from its parts. Nothing is checked: ``HashChain`` proves a record, this only holds it.
    public init(
        position: UInt64, stream: StreamID, streamVersion: UInt64, recordedAt: Timestamp, event: NewEvent,
        continues: Bool = false, hash: Digest256
    ) {
        self.position = position
        self.stream = stream
        self.streamVersion = streamVersion
        self.recordedAt = recordedAt
        self.event = event
        self.continues = continues
        self.hash = hash
    }

    /// The event's type.
    public var type: String { event.type }

    /// The topic under which the event is published: `CATEGORY/TYPE/STREAM/`, every segment ended by its slash, so
    /// that a subscription to a prefix never catches a longer name by accident.
    public var topic: String { "\(stream.category)/\(event.type)/\(stream.name)/" }

    /// The number of bytes of the topic.
    public var topicSize: Int { stream.category.utf8.count + event.type.utf8.count + stream.name.utf8.count + 3 }

    /// The bytes of its header, topic, metadata and data: what it takes if it is sent whole, but for the lengths of
    /// these.
    public var byteCount: Int { RecordHeader.size + topicSize + event.metadata.count + event.data.count }

    /// Writes the bytes of the topic into the first ``topicSize`` of `bytes`: every event is hashed and published with it,
    /// so no string is made.
    public func writeTopic(to bytes: UnsafeMutableRawBufferPointer) {
        var writer = MemoryWriter(bytes)
        writer.segment(stream.category)
        writer.segment(event.type)
        writer.segment(stream.name)
    }
}

/// The last record of a log: what an outsider pins to prove later that history was not rewritten.
public struct LogHead: Hashable, Sendable {
    /// The last position, 0 for an empty log.
    public let position: UInt64

    /// The hash of the record there; for an empty log ``HashChain/genesis(of:)``.
    public let hash: Digest256

    /// When the last record was made; the epoch for an empty log.
    public let recordedAt: Timestamp

    /// A head from its parts.
    public init(position: UInt64, hash: Digest256, recordedAt: Timestamp) {
        self.position = position
        self.hash = hash
        self.recordedAt = recordedAt
    }
}

/// The fixed part of a record's header: 96 bytes, big-endian. It opens the second frame of every published event and
/// heartbeat, and its first 64 bytes are what the hash chain covers.
///
/// | offset | size | field |
/// |---|---|---|
/// | 0 | 4 | magic `DBK1` |
/// | 4 | 1 | kind: 1 event, 2 heartbeat |
/// | 5 | 1 | flags: bit 0 if the append goes on in the next record; all others 0 |
/// | 6 | 2 | schema version of the data |
/// | 8 | 16 | log id |
/// | 24 | 8 | position |
/// | 32 | 8 | stream version; in a heartbeat the epoch of the lead |
/// | 40 | 8 | recorded at, microseconds since 1970-01-01T00:00:00Z |
/// | 48 | 16 | event id |
/// | 64 | 32 | hash |
public struct RecordHeader: Hashable, Sendable {
    /// What the header stands over.
    public enum Kind: UInt8, Sendable {
        /// An event of the log.
        case event = 1
        /// A sign of life that carries the head of the log.
        case heartbeat = 2
    }

    /// The number of bytes of the fixed part.
    public static let size = 96

    /// The number of leading bytes that the hash covers.
    public static let hashedSize = 64

    /// The bit of the flags that says that the append goes on in the next record.
    static let continuesFlag: UInt8 = 1

    /// `DBK1`.
    public static let magic: UInt32 = 0x4442_4B31

    /// What the header stands over.
    public let kind: Kind
    /// Whether the append that the record is part of goes on in the next record; never in a heartbeat.
    public let continues: Bool
    /// The version of the schema of the data; 0 in a heartbeat.
    public let schemaVersion: UInt16
    /// The id that the log was given when it was made.
    public let logID: UniqueID
    /// The record's position; in a heartbeat that of the head.
    public let position: UInt64
    /// The record's place in its stream; in a heartbeat the epoch of the lead, 0 if the log counts no leads.
    public let streamVersion: UInt64
    /// When the record was made; 1970-01-01T00:00:00Z in a heartbeat.
    public let recordedAt: Timestamp
    /// The event's own id; 0 in a heartbeat.
    public let eventID: UniqueID
    /// The record's hash; in a heartbeat that at the head.
    public let hash: Digest256

    /// The header of a recorded event.
    public init(of record: RecordedEvent, in logID: UniqueID) {
        kind = .event
        continues = record.continues
        schemaVersion = record.event.schemaVersion
        self.logID = logID
        position = record.position
        streamVersion = record.streamVersion
        recordedAt = record.recordedAt
        eventID = record.event.id
        hash = record.hash
    }

    /// The header of a recorded event, from its fields.
    public init(
        schemaVersion: UInt16, logID: UniqueID, position: UInt64, streamVersion: UInt64, recordedAt: Timestamp,
        eventID: UniqueID, continues: Bool = false, hash: Digest256
    ) {
        kind = .event
        self.continues = continues
        self.schemaVersion = schemaVersion
        self.logID = logID
        self.position = position
        self.streamVersion = streamVersion
        self.recordedAt = recordedAt
        self.eventID = eventID
        self.hash = hash
    }

    /// The header of a heartbeat.
    ///
    /// - Parameter epoch: which lead of the log it is from, at most ``RecordedEvent/maxOrdinal``; 0: the log counts none.
    public init(heartbeatOf logID: UniqueID, at head: LogHead, epoch: UInt64 = 0) {
        kind = .heartbeat
        continues = false
        schemaVersion = 0
        self.logID = logID
        position = head.position
        streamVersion = epoch
        recordedAt = Timestamp(microseconds: 0)
        eventID = UniqueID(high: 0, low: 0)
        hash = head.hash
    }

    /// Reads the fixed part from the first 96 of `bytes`; nil for fewer bytes, another magic, an unknown kind or flag, a
    /// time that is no ``Timestamp``, and a position or version beyond ``RecordedEvent/maxOrdinal`` or, in an event, of 0.
    public init?(_ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.size else { return nil }
        func word(_ offset: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        }
        guard UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self)) == Self.magic,
            let kind = Kind(rawValue: bytes[4]), bytes[5] == 0 || (bytes[5] == Self.continuesFlag && kind == .event),
            let recordedAt = Timestamp(exactMicroseconds: Int64(bitPattern: word(40)))
        else { return nil }
        let (position, streamVersion) = (word(24), word(32))
        let first: UInt64 = kind == .event ? 1 : 0
        guard (first...RecordedEvent.maxOrdinal).contains(position),
            (first...RecordedEvent.maxOrdinal).contains(streamVersion)
        else { return nil }
        self.kind = kind
        continues = bytes[5] == Self.continuesFlag
        schemaVersion = UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 6, as: UInt16.self))
        logID = UniqueID(high: word(8), low: word(16))
        self.position = position
        self.streamVersion = streamVersion
        self.recordedAt = recordedAt
        eventID = UniqueID(high: word(48), low: word(56))
        hash = Digest256(word(64), word(72), word(80), word(88))
    }

    /// Writes the 96 bytes into the first 96 of `bytes`.
    public func write(to bytes: UnsafeMutableRawBufferPointer) {
        precondition(bytes.count >= Self.size, "a header needs 96 bytes")
        writeHashed(to: bytes)
        var writer = MemoryWriter(UnsafeMutableRawBufferPointer(rebasing: bytes[Self.hashedSize...]))
        writer.digest(hash)
    }

    /// Writes the 64 bytes that the hash covers into the first 64 of `bytes`.
    func writeHashed(to bytes: UnsafeMutableRawBufferPointer) {
        precondition(bytes.count >= Self.hashedSize, "the hashed part of a header needs 64 bytes")
        func put(_ value: UInt64, _ offset: Int) {
            bytes.storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt64.self)
        }
        bytes.storeBytes(of: Self.magic.bigEndian, as: UInt32.self)
        bytes[4] = kind.rawValue
        bytes[5] = continues ? Self.continuesFlag : 0
        bytes.storeBytes(of: schemaVersion.bigEndian, toByteOffset: 6, as: UInt16.self)
        put(logID.high, 8)
        put(logID.low, 16)
        put(position, 24)
        put(streamVersion, 32)
        put(UInt64(bitPattern: recordedAt.microseconds), 40)
        put(eventID.high, 48)
        put(eventID.low, 56)
    }
}

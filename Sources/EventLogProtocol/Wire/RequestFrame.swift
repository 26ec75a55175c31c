internal import EventSourcing

/// What a frame on the append or the read socket is: its fifth byte.
public enum FrameKind: UInt8, Sendable, CaseIterable {
    /// Append events to streams.
    case append = 0x10
    /// Keep a copy of a stream's state.
    case keepSnapshot = 0x11
    /// Forget a copy of a stream's state.
    case dropSnapshot = 0x12
    /// Read the log by position.
    case readLog = 0x20
    /// Read one stream by version.
    case readStream = 0x21
    /// Ask for the log's id and head.
    case status = 0x22
    /// Ask what was done under a command key.
    case outcome = 0x23
    /// Read the newest snapshot of a stream and the events after it.
    case loadStream = 0x24
    /// Ask how many events a stream had at a time.
    case streamVersion = 0x25
    /// The answer to ``append``.
    case appendReply = 0x90
    /// The answer to ``keepSnapshot`` and ``dropSnapshot``.
    case snapshotReply = 0x91
    /// The answer to ``readLog``.
    case readLogReply = 0xA0
    /// The answer to ``readStream``.
    case readStreamReply = 0xA1
    /// The answer to ``status``.
    case statusReply = 0xA2
    /// The answer to ``outcome``.
    case outcomeReply = 0xA3
    /// The answer to ``loadStream``.
    case loadStreamReply = 0xA4
    /// The answer to ``streamVersion``.
    case streamVersionReply = 0xA5
    /// The service cannot obey the request now, or does not know it; nothing was done.
    case refusal = 0xFF

    /// Whether frames of this kind hold the log's head, which may have an epoch.
    var mayHaveEpoch: Bool { self == .readLogReply || self == .statusReply }
}

/// The head of every frame on the append and the read socket: `magic(4) kind(1) flags(1) reserved(2) number(8)`.
///
/// Each frame is a whole request or a whole reply, so that a message may carry several. The number is the sender's,
/// comes back in the reply, and means nothing else. Bit 0 of the flags says that the log's head in a reply has an epoch.
public struct RequestHead: Hashable, Sendable {
    /// The bytes that the head takes.
    public static let size = 16

    /// What the frame is.
    public let kind: FrameKind
    /// The requester's number for the request.
    public let number: UInt64
    /// Whether the log's head in the frame is followed by an epoch.
    public let hasEpoch: Bool

    /// A head from its parts.
    public init(kind: FrameKind, number: UInt64, hasEpoch: Bool = false) {
        self.kind = kind
        self.number = number
        self.hasEpoch = hasEpoch
    }

    init(_ reader: inout WireReader) throws(MalformedFrame) {
        guard try reader.integer(UInt32.self) == RecordHeader.magic else {
            throw MalformedFrame("the magic is missing")
        }
        let kind = try reader.integer(UInt8.self)
        guard let kind = FrameKind(rawValue: kind) else { throw MalformedFrame("no frame is of kind \(kind)") }
        let flags = try reader.integer(UInt8.self)
        guard flags == 0 || (flags == 1 && kind.mayHaveEpoch) else {
            throw MalformedFrame("no frame of kind \(kind) has the flags \(flags)")
        }
        guard try reader.integer(UInt16.self) == 0 else { throw MalformedFrame("reserved bytes must be 0") }
        self.kind = kind
        hasEpoch = flags == 1
        number = try reader.integer()
    }

    func write(to writer: inout WireWriter) {
        writer.integer(RecordHeader.magic)
        writer.integer(kind.rawValue)
        writer.integer(UInt8(hasEpoch ? 1 : 0))
        writer.integer(UInt16(0))
        writer.integer(number)
    }
}

public import EventSourcing

/// An answer as the log keeps it with a command key: with the name of whoever sent the command, if anybody proved it.
///
/// `2 LENGTH ACTOR ANSWER`: the length of the actor's name in four bytes, big-endian, the name in UTF-8, and the answer as
/// ``RecordedAnswer`` writes it. Without an actor it is the answer alone, as it was before there were actors. Before either
/// stands `3 DECISION`, with an id in 16 bytes, if the command left no event that has it.
public struct KeptAnswer: Hashable, Sendable {
    private static let lengthOfDecision = 16

    /// How the command was answered.
    public let answer: RecordedAnswer
    /// Who sent it; nil: nobody proved it.
    public let actor: String?
    /// Which decision led to it; nil: its last event has that id, or it was kept before there were such ids.
    public let decision: UniqueID?

    /// An answer to a command that somebody sent.
    public init(_ answer: RecordedAnswer, by actor: String?, decision: UniqueID? = nil) {
        self.answer = answer
        self.actor = actor
        self.decision = decision
    }

    /// Reads it back; nil for bytes that ``encoded`` never makes.
    public init?(_ bytes: [UInt8]) {
        guard bytes.first == 3 else {
            self.init(bytes[...], decision: nil)
            return
        }
        let (id, rest) = (bytes.dropFirst().prefix(Self.lengthOfDecision), bytes.dropFirst(1 + Self.lengthOfDecision))
        guard id.count == Self.lengthOfDecision else { return nil }
        let half = Self.lengthOfDecision / 2
        self.init(
            rest, decision: UniqueID(high: UInt64(bigEndian: id.prefix(half)), low: UInt64(bigEndian: id.suffix(half))))
    }

    private init?(_ bytes: ArraySlice<UInt8>, decision: UniqueID?) {
        guard bytes.first == 2 else {
            guard let answer = RecordedAnswer(Array(bytes)) else { return nil }
            self.init(answer, by: nil, decision: decision)
            return
        }
        let (length, rest) = (UInt32(bigEndian: bytes.dropFirst().prefix(4)), bytes.dropFirst(5))
        guard length > 0, length < rest.count, let actor = String(validating: rest.prefix(Int(length)), as: UTF8.self),
            let answer = RecordedAnswer(Array(rest.dropFirst(Int(length))))
        else { return nil }
        self.init(answer, by: actor, decision: decision)
    }

    /// The bytes that the log keeps.
    public var encoded: [UInt8] {
        var bytes = answer.encoded
        if let actor {
            let name = Array(actor.utf8)
            bytes = [2] + UInt32(clamping: name.count).bigEndianBytes + name + bytes
        }
        guard let decision else { return bytes }
        return [3] + decision.high.bigEndianBytes + decision.low.bigEndianBytes + bytes
    }
}

extension FixedWidthInteger {
    /// Its bytes, the highest first.
    var bigEndianBytes: [UInt8] {
        stride(from: Self.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: self >> $0) }
    }

    /// The number that these bytes are, no more than it has, the highest first.
    fileprivate init(bigEndian bytes: ArraySlice<UInt8>) {
        self = bytes.reduce(0) { $0 << 8 | Self($1) }
    }
}

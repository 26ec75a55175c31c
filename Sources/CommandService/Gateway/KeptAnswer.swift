/// An answer as the log keeps it with a command key: with the name of whoever sent the command, if anybody proved it.
///
/// `2 LENGTH ACTOR ANSWER`: the length of the actor's name in four bytes, big-endian, the name in UTF-8, and the answer as
/// ``RecordedAnswer`` writes it. Without an actor it is the answer alone, as it was before there were actors.
public struct KeptAnswer: Hashable, Sendable {
    /// How the command was answered.
    public let answer: RecordedAnswer
    /// Who sent it; nil: nobody proved it.
    public let actor: String?

    /// An answer to a command that somebody sent.
    public init(_ answer: RecordedAnswer, by actor: String?) {
        self.answer = answer
        self.actor = actor
    }

    /// Reads it back; nil for bytes that ``encoded`` never makes.
    public init?(_ bytes: [UInt8]) {
        guard bytes.first == 2 else {
            guard let answer = RecordedAnswer(bytes) else { return nil }
            self.init(answer, by: nil)
            return
        }
        guard bytes.count > 5 else { return nil }
        let length = bytes[1...4].reduce(0) { $0 << 8 | Int($1) }
        let rest = bytes[5...]
        guard length > 0, length < rest.count, let actor = String(validating: rest.prefix(length), as: UTF8.self),
            let answer = RecordedAnswer(Array(rest.dropFirst(length)))
        else { return nil }
        self.init(answer, by: actor)
    }

    /// The bytes that the log keeps.
    public var encoded: [UInt8] {
        guard let actor else { return answer.encoded }
        let name = Array(actor.utf8)
        return [2] + UInt32(clamping: name.count).bigEndianBytes + name + answer.encoded
    }
}

extension UInt32 {
    /// Its four bytes, the highest first.
    var bigEndianBytes: [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: self >> $0) } }
}

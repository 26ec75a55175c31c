internal import EventSourcing

/// The name that a client gives to a hold: once per account, for ever.
public struct HoldID: Hashable, Sendable, CustomStringConvertible {
    /// The rule of these names, for messages.
    public static let rule = "1 to \(maxLength) characters of A-Z a-z 0-9 . _ ~ -, and neither . nor .."

    /// The longest name, in characters, each a byte.
    public static let maxLength = 64

    /// The name.
    public let text: String

    /// A hold's name; nil if the text follows not ``rule``.
    public init?(_ text: String) {
        guard text.utf8.count <= Self.maxLength, StreamID.isValidName(text), text != ".", text != ".." else {
            return nil
        }
        self.text = text
    }

    /// The name.
    public var description: String { text }
}

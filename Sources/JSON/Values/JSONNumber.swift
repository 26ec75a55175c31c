/// A JSON number as it was written. It is never turned into a binary floating-point value: `500.00` stays `500.00`.
public struct JSONNumber: Hashable, Sendable, CustomStringConvertible {
    /// The text of the number, by the grammar of RFC 8259.
    public let literal: String

    /// A number from its text; nil where that does not follow the grammar to the last byte.
    public init?(_ literal: String) {
        var reader = JSONReader(Array(literal.utf8))
        // The reader would skip white space, which is no part of a number.
        guard let first = literal.utf8.first, first == UInt8(ascii: "-") || ASCII.isDigit(first) else { return nil }
        do {
            let read = try reader.readNumberLiteral()
            guard read.utf8.count == literal.utf8.count else { return nil }
        } catch {
            return nil
        }
        self.literal = literal
    }

    /// A whole number.
    public init(_ value: Int64) {
        literal = String(value)
    }

    init(validated literal: String) {
        self.literal = literal
    }

    /// The value where it is written as a whole number, without fraction and exponent, and fits; nil otherwise.
    public var integer: Int64? { Int64(literal) }

    /// The text of the number.
    public var description: String { literal }
}

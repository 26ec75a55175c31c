/// Text that cannot steer the terminal that it is printed on.
///
/// What a program's own literals say is printed as it is. Everything that is interpolated comes from others (the name of an
/// account's owner, an answer, an error) and is escaped: control characters, line feeds, and the invisible characters that
/// turn the direction of writing or hide text become `\u{1B}`, `\u{202E}` and the like.
public struct PrintableText: Hashable, Sendable, CustomStringConvertible {
    /// The text, escaped.
    public let description: String

    /// Text of others.
    public init(_ text: String) { description = Self.escaped(text) }

    /// Text of others in several lines: line feeds stay.
    public init(lines text: String) {
        description = text.split(separator: "\n", omittingEmptySubsequences: false).map { Self.escaped(String($0)) }
            .joined(separator: "\n")
    }

    /// Text of the program's own, such as the codes of a colour.
    public init(verbatim text: String) { description = text }

    /// The number of characters, escapes spelled out.
    public var count: Int { description.count }

    /// Two texts, one after the other.
    public static func + (left: PrintableText, right: PrintableText) -> PrintableText {
        PrintableText(verbatim: left.description + right.description)
    }

    /// Whether a character can steer a terminal or mislead who reads: control characters (C0, DEL, C1), separators of lines
    /// and paragraphs, and format characters, those that turn the direction of writing among them. The two joiners stay,
    /// since some scripts need them.
    public static func mustBeEscaped(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.value >= 0x20, scalar.value < 0x7F { return false }
        switch scalar.properties.generalCategory {
        case .control, .lineSeparator, .paragraphSeparator: return true
        case .format: return scalar.value != 0x200C && scalar.value != 0x200D
        default: return false
        }
    }

    private static func escaped(_ text: String) -> String {
        // Nearly all texts are plain.
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7F }) { return text }
        var escaped = ""
        for scalar in text.unicodeScalars {
            if mustBeEscaped(scalar) {
                escaped += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            } else {
                escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}

extension PrintableText: ExpressibleByStringInterpolation {
    /// Collects the parts of a text.
    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var text = ""

        /// An empty text with room for its parts.
        public init(literalCapacity: Int, interpolationCount: Int) { text.reserveCapacity(literalCapacity) }

        /// The program's own words.
        public mutating func appendLiteral(_ literal: String) { text += literal }

        /// Text that is escaped already.
        public mutating func appendInterpolation(_ value: PrintableText) { text += value.description }

        /// Text of others, escaped.
        public mutating func appendInterpolation(_ value: some Any) { text += PrintableText.escaped("\(value)") }
    }

    /// The program's own words and texts of others.
    public init(stringInterpolation: StringInterpolation) { description = stringInterpolation.text }

    /// The program's own words.
    public init(stringLiteral value: String) { description = value }
}

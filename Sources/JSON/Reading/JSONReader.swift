/// A pull reader over the bytes of one JSON document: the caller asks for what it expects and is told where the
/// document differs.
///
/// The module exists because the contract asks for what the usual decoders do not give: number literals exactly as
/// they are written (an amount never passes through a binary floating-point type), a member given twice refused,
/// nesting bounded, and all of it in a fraction of the time of Codable, as it runs for every command and every event.
///
/// It is strict RFC 8259: no byte order mark, no comments, no trailing commas, no bytes after the document, no control
/// characters in strings, valid UTF-8 and whole surrogate pairs only.
///
///     var reader = JSONReader(bytes)
///     try reader.readObject { name, reader throws(JSONError) in
///         if name == "owner" { owner = try reader.readString() }
///     }
///     try reader.finish()
///
/// After an error the reader must not be used again.
public struct JSONReader: Sendable {
    /// The deepest nesting that a reader can be told to allow; it keeps the recursion of ``readValue()`` far from the
    /// end of any thread's stack.
    public static let deepest = 512

    /// The document.
    let bytes: [UInt8]
    /// How many arrays and objects may be open at once.
    let maximumDepth: Int
    /// How many are open.
    var depth = 0

    /// How many bytes are read.
    public internal(set) var offset = 0

    /// A reader at the start of a document.
    ///
    /// - Parameter maximumDepth: how many arrays and objects may stand within each other, 0 to ``deepest``; a number
    ///   outside is taken as the nearer of the two.
    public init(_ bytes: [UInt8], maximumDepth: Int = 64) {
        self.bytes = bytes
        self.maximumDepth = min(max(maximumDepth, 0), Self.deepest)
    }

    /// Makes sure that nothing but white space follows.
    ///
    /// - Throws: `malformed` at the first byte that does.
    public mutating func finish() throws(JSONError) {
        skipWhiteSpace()
        guard offset == bytes.count else { throw malformed("expected the end of the document") }
    }

    /// The kind of the value that comes next, which stays unread.
    ///
    /// - Throws: `malformed` or `unexpectedEnd` where no value begins here.
    public mutating func peekKind() throws(JSONError) -> JSONKind {
        skipWhiteSpace()
        guard offset < bytes.count else { throw unexpectedEnd("expected a value") }
        switch bytes[offset] {
        case ASCII.openBrace: return .object
        case ASCII.openBracket: return .array
        case ASCII.quote: return .string
        case ASCII.minus, UInt8(ascii: "0")...UInt8(ascii: "9"): return .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"): return .bool
        case UInt8(ascii: "n"): return .null
        default: throw malformed("expected a value")
        }
    }

    /// Reads `true` or `false`.
    ///
    /// - Throws: `unexpectedKind` where another value comes next, else as ``skipValue()``.
    public mutating func readBool() throws(JSONError) -> Bool {
        try expect(.bool)
        let value = bytes[offset] == UInt8(ascii: "t")
        try skipWord(value ? "true" : "false")
        return value
    }

    /// Reads `null`.
    ///
    /// - Throws: `unexpectedKind` where another value comes next, else as ``skipValue()``.
    public mutating func readNull() throws(JSONError) {
        try expect(.null)
        try skipWord("null")
    }

    /// Reads a number and returns its text exactly as it is written.
    ///
    /// - Throws: `unexpectedKind` where another value comes next, else as ``skipValue()``.
    public mutating func readNumberLiteral() throws(JSONError) -> String {
        try expect(.number)
        let start = offset
        try skipNumber()
        return text(start..<offset)
    }

    /// Reads a string.
    ///
    /// - Throws: `unexpectedKind` where another value comes next, else as ``skipValue()``.
    public mutating func readString() throws(JSONError) -> String {
        try expect(.string)
        return try scanString()
    }

    /// Reads any value into memory.
    ///
    /// - Throws: `duplicateMember` where an object in it names a member twice, else as ``skipValue()``.
    public mutating func readValue() throws(JSONError) -> JSONValue {
        switch try peekKind() {
        case .object:
            var members: [JSONValue.Member] = []
            try readObject { name, reader throws(JSONError) in
                members.append(JSONValue.Member(name: name, value: try reader.readValue()))
            }
            return .object(members)
        case .array:
            var elements: [JSONValue] = []
            try readArray { reader throws(JSONError) in elements.append(try reader.readValue()) }
            return .array(elements)
        case .string: return .string(try readString())
        case .number: return .number(JSONNumber(validated: try readNumberLiteral()))
        case .bool: return .bool(try readBool())
        case .null:
            try readNull()
            return .null
        }
    }
}

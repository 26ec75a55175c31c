/// Writes JSON, compact, onto the end of a byte array. Commas come by themselves; that containers are closed and that
/// members have names is the caller's duty.
///
///     var writer = JSONWriter()
///     writer.beginObject()
///     writer.member("balance")
///     writer.rawNumber("1300.00")
///     writer.endObject()
public struct JSONWriter: Sendable {
    /// What is written so far.
    public private(set) var bytes: [UInt8] = []
    /// Whether the next value or name stands after another in the same container.
    private var needsComma = false

    /// A writer with room for so many bytes before it must grow.
    public init(reservingCapacity capacity: Int = 256) {
        bytes.reserveCapacity(capacity)
    }

    /// Opens an object.
    public mutating func beginObject() {
        separate()
        bytes.append(ASCII.openBrace)
        needsComma = false
    }

    /// Closes the innermost container, an object.
    public mutating func endObject() {
        bytes.append(ASCII.closeBrace)
        needsComma = true
    }

    /// Opens an array.
    public mutating func beginArray() {
        separate()
        bytes.append(ASCII.openBracket)
        needsComma = false
    }

    /// Closes the innermost container, an array.
    public mutating func endArray() {
        bytes.append(ASCII.closeBracket)
        needsComma = true
    }

    /// Ends a document with a line feed, so that another may follow: newline-delimited JSON.
    public mutating func endLine() {
        bytes.append(UInt8(ascii: "\n"))
        needsComma = false
    }

    /// Forgets what is written, and keeps the room for as much again.
    public mutating func clear() {
        bytes.removeAll(keepingCapacity: true)
        needsComma = false
    }

    /// The name of the member whose value is written next: one that stands in the program, and holds nothing that must
    /// be escaped.
    public mutating func member(_ name: StaticString) {
        separate()
        name.withUTF8Buffer { text in
            assert(!text.contains(where: ASCII.mustBeEscaped), "\(name) holds what must be escaped")
            bytes.append(addingCapacity: text.count + 3) { span in
                span.append(ASCII.quote)
                span.withUnsafeMutableBufferPointer { buffer, initialized in
                    initialized = buffer[initialized...].initialize(fromContentsOf: text)
                }
                span.append(ASCII.quote)
                span.append(ASCII.colon)
            }
        }
        needsComma = false
    }

    /// The name of the member whose value is written next.
    public mutating func member(name: String) {
        separate()
        appendQuoted(name)
        bytes.append(ASCII.colon)
        needsComma = false
    }

    /// A string. Quotes, backslashes and control characters are escaped, all else is written as it is, in UTF-8.
    public mutating func string(_ value: String) {
        separate()
        appendQuoted(value)
        needsComma = true
    }

    /// A number that is text already, such as `1300.00`. It must follow the grammar of JSON numbers; it is not checked.
    public mutating func rawNumber(_ literal: String) {
        separate()
        bytes.append(contentsOf: literal.utf8)
        needsComma = true
    }

    /// A string of so many bytes, of which `write` is given the place: UTF-8 that holds nothing that must be escaped.
    public mutating func plainString(byteCount count: Int, _ write: (UnsafeMutableRawBufferPointer) -> Void) {
        separate()
        bytes.append(addingCapacity: count + 2) { span in
            span.append(ASCII.quote)
            span.withUnsafeMutableBufferPointer { buffer, initialized in
                write(
                    UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(buffer)[initialized..<(initialized + count)]))
                initialized += count
            }
            span.append(ASCII.quote)
        }
        needsComma = true
    }

    /// A whole number.
    public mutating func integer(_ value: some BinaryInteger) {
        guard let small = UInt64(exactly: value) else { return rawNumber(String(value)) }
        separate()
        var digits = 1
        var rest = small / 10
        while rest > 0 {
            digits += 1
            rest /= 10
        }
        bytes.append(addingCapacity: digits) { span in
            span.withUnsafeMutableBufferPointer { buffer, initialized in
                var rest = small
                for place in (initialized..<(initialized + digits)).reversed() {
                    buffer.initializeElement(at: place, to: ASCII.zero + UInt8(truncatingIfNeeded: rest % 10))
                    rest /= 10
                }
                initialized += digits
            }
        }
        needsComma = true
    }

    /// `true` or `false`.
    public mutating func bool(_ value: Bool) {
        rawNumber(value ? "true" : "false")
    }

    /// `null`.
    public mutating func null() {
        rawNumber("null")
    }

    /// A value that is JSON already. It is not checked.
    public mutating func rawValue(_ value: some Sequence<UInt8>) {
        separate()
        bytes.append(contentsOf: value)
        needsComma = true
    }

    /// A whole value with all that it holds.
    public mutating func value(_ value: JSONValue) {
        switch value {
        case .object(let members):
            beginObject()
            for member in members {
                self.member(name: member.name)
                self.value(member.value)
            }
            endObject()
        case .array(let elements):
            beginArray()
            for element in elements { self.value(element) }
            endArray()
        case .string(let text): string(text)
        case .number(let number): rawNumber(number.literal)
        case .bool(let truth): bool(truth)
        case .null: null()
        }
    }

    private mutating func separate() {
        if needsComma { bytes.append(ASCII.comma) }
    }

    /// Appends runs of bytes that need no escape in one go each.
    private mutating func appendQuoted(_ string: String) {
        bytes.append(ASCII.quote)
        var string = string
        string.withUTF8 { text in
            var start = 0
            for index in text.indices where ASCII.mustBeEscaped(text[index]) {
                bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start..<index]))
                appendEscape(of: text[index])
                start = index + 1
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[start...]))
        }
        bytes.append(ASCII.quote)
    }

    private mutating func appendEscape(of byte: UInt8) {
        bytes.append(ASCII.backslash)
        switch byte {
        case ASCII.quote, ASCII.backslash: bytes.append(byte)
        case 0x08: bytes.append(UInt8(ascii: "b"))
        case 0x09: bytes.append(UInt8(ascii: "t"))
        case 0x0A: bytes.append(UInt8(ascii: "n"))
        case 0x0C: bytes.append(UInt8(ascii: "f"))
        case 0x0D: bytes.append(UInt8(ascii: "r"))
        default:
            bytes.append(contentsOf: "u00".utf8)
            bytes.append(byte < 0x10 ? UInt8(ascii: "0") : UInt8(ascii: "1"))
            let low = byte & 0xF
            bytes.append(low < 10 ? ASCII.zero + low : UInt8(ascii: "a") + low - 10)
        }
    }
}

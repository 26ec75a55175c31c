/// Reads the value of a header field part by part, by the grammar of RFC 9110, section 5.6.
///
/// Its place only ever moves forward, so any value is read in one pass.
struct FieldValueReader {
    private let bytes: [UInt8]
    private var place = 0

    init(_ value: some StringProtocol) { bytes = Array(value.utf8) }

    var isAtEnd: Bool { place == bytes.count }

    /// Skips optional white space: blanks and tabs.
    mutating func skipWhiteSpace() {
        while place < bytes.count, bytes[place] == UInt8(ascii: " ") || bytes[place] == UInt8(ascii: "\t") {
            place += 1
        }
    }

    /// Takes a byte if it is the next one.
    mutating func take(_ byte: Unicode.Scalar) -> Bool {
        guard place < bytes.count, bytes[place] == UInt8(ascii: byte) else { return false }
        place += 1
        return true
    }

    /// Takes a token (section 5.6.2); nil if there is none.
    mutating func token() -> String? {
        let start = place
        while place < bytes.count, Self.isTokenByte(bytes[place]) { place += 1 }
        return place > start ? String(decoding: bytes[start..<place], as: UTF8.self) : nil
    }

    /// Takes a quoted string (section 5.6.4), and returns what it holds; nil if there is none, or if it does not end.
    mutating func quotedString() -> String? {
        guard take("\"") else { return nil }
        var text: [UInt8] = []
        while place < bytes.count {
            let byte = bytes[place]
            place += 1
            switch byte {
            case UInt8(ascii: "\""):
                return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard place < bytes.count else { return nil }
                text.append(bytes[place])
                place += 1
            default:
                text.append(byte)
            }
        }
        return nil
    }

    /// Takes the text of an entity tag with its quotes, and returns what stands between them (section 8.8.3: there are no
    /// escapes in it, and no blanks); nil if there is none.
    mutating func opaqueTag() -> String? {
        guard take("\"") else { return nil }
        let start = place
        while place < bytes.count, bytes[place] >= 0x21, bytes[place] != UInt8(ascii: "\""), bytes[place] != 0x7F {
            place += 1
        }
        let text = String(decoding: bytes[start..<place], as: UTF8.self)
        return take("\"") ? text : nil
    }

    /// Takes `;name=value` as often as it stands here (section 5.6.6), names in small letters; nil if one is malformed.
    mutating func parameters() -> [MediaType.Parameter]? {
        var parameters: [MediaType.Parameter] = []
        while true {
            skipWhiteSpace()
            guard take(";") else { return parameters }
            skipWhiteSpace()
            // A semicolon that nothing follows is no error.
            guard let name = token() else { continue }
            guard take("="), let value = token() ?? quotedString() else { return nil }
            parameters.append(MediaType.Parameter(name: name.lowercased(), value: value))
        }
    }

    /// Skips the rest of a list's member, up to the comma after it; a comma in quotes is none.
    mutating func skipMember() {
        while place < bytes.count, bytes[place] != UInt8(ascii: ",") {
            if bytes[place] == UInt8(ascii: "\"") {
                if quotedString() == nil { place = bytes.count }
            } else {
                place += 1
            }
        }
    }

    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch Unicode.Scalar(byte) {
        case "A"..."Z", "a"..."z", "0"..."9", "!", "#", "$", "%", "&", "'", "*", "+", "-", ".", "^", "_", "`", "|", "~":
            true
        default:
            false
        }
    }
}

extension JSONReader {
    /// Reads a member's name and the colon after it.
    mutating func scanMemberName() throws(JSONError) -> String {
        guard next == ASCII.quote else { throw unexpected("expected the name of a member") }
        let name = try scanString()
        try skipColon()
        return name
    }

    /// Reads past a member's name and the colon after it.
    mutating func skipMemberName() throws(JSONError) {
        guard next == ASCII.quote else { throw unexpected("expected the name of a member") }
        try skipString()
        try skipColon()
    }

    private mutating func skipColon() throws(JSONError) {
        skipWhiteSpace()
        guard next == ASCII.colon else { throw unexpected("expected a colon") }
        offset += 1
    }

    /// Reads the string whose opening quote comes next. Without escapes it is copied once, whole.
    mutating func scanString() throws(JSONError) -> String {
        offset += 1
        let start = offset
        try skipPlainText()
        guard bytes[offset] == ASCII.backslash else {
            defer { offset += 1 }
            return text(start..<offset)
        }
        var unescaped = Array(bytes[start..<offset])
        while bytes[offset] == ASCII.backslash {
            appendUTF8(of: try scanEscape(), to: &unescaped)
            let plain = offset
            try skipPlainText()
            unescaped.append(contentsOf: bytes[plain..<offset])
        }
        offset += 1
        return String(decoding: unescaped, as: UTF8.self)
    }

    /// Reads past the string whose opening quote comes next.
    mutating func skipString() throws(JSONError) {
        offset += 1
        try skipPlainText()
        while bytes[offset] == ASCII.backslash {
            _ = try scanEscape()
            try skipPlainText()
        }
        offset += 1
    }

    /// Reads up to the quote or backslash that ends a run of plain text, which must be UTF-8; that byte is there when
    /// it returns.
    private mutating func skipPlainText() throws(JSONError) {
        while true {
            skipPlainASCII()
            guard offset < bytes.count else { throw unexpectedEnd("expected the end of the string") }
            let byte = bytes[offset]
            if byte == ASCII.quote || byte == ASCII.backslash { return }
            guard byte >= 0x20 else { throw malformed("a control character in a string must be escaped") }
            try skipMultibyteScalar()
        }
    }

    /// Reads past ASCII up to the first byte that needs a closer look: the loop in which strings spend their time.
    private mutating func skipPlainASCII() {
        let start = offset
        offset = bytes.withUnsafeBufferPointer { bytes in
            var at = start
            while at < bytes.count {
                let byte = bytes[at]
                guard byte >= 0x20, byte < 0x80, byte != ASCII.quote, byte != ASCII.backslash else { break }
                at += 1
            }
            return at
        }
    }

    /// Reads past a scalar of two to four bytes, by the table of well-formed sequences of the Unicode standard (3-7):
    /// no overlong forms, no surrogates, nothing beyond U+10FFFF.
    private mutating func skipMultibyteScalar() throws(JSONError) {
        let second: ClosedRange<UInt8>
        let length: Int
        switch bytes[offset] {
        case 0xC2...0xDF: (length, second) = (2, 0x80...0xBF)
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xE1...0xEC, 0xEE...0xEF: (length, second) = (3, 0x80...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: (length, second) = (4, 0x80...0xBF)
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: throw notUTF8("a byte that is not UTF-8")
        }
        guard offset + length <= bytes.count else { throw notUTF8("a UTF-8 sequence that is cut short") }
        guard second.contains(bytes[offset + 1]) else { throw notUTF8("a byte sequence that is not UTF-8") }
        for index in offset + 2..<offset + max(length, 2) where bytes[index] & 0xC0 != 0x80 {
            throw notUTF8("a byte sequence that is not UTF-8")
        }
        offset += length
    }

    /// Reads the escape whose backslash comes next; a surrogate pair is two escapes and one scalar.
    private mutating func scanEscape() throws(JSONError) -> UInt32 {
        let start = offset
        offset += 1
        guard offset < bytes.count else { throw unexpectedEnd("expected an escape") }
        let letter = bytes[offset]
        switch letter {
        case ASCII.quote, ASCII.backslash, UInt8(ascii: "/"):
            offset += 1
            return UInt32(letter)
        case UInt8(ascii: "b"): return scanned(0x08)
        case UInt8(ascii: "f"): return scanned(0x0C)
        case UInt8(ascii: "n"): return scanned(0x0A)
        case UInt8(ascii: "r"): return scanned(0x0D)
        case UInt8(ascii: "t"): return scanned(0x09)
        case UInt8(ascii: "u"): offset += 1
        default: throw malformed("an escape that JSON does not have")
        }
        let unit = try scanFourHexadecimalDigits()
        guard unit & 0xF800 == 0xD800 else { return unit }
        guard unit < 0xDC00, next == ASCII.backslash, offset + 1 < bytes.count,
            bytes[offset + 1] == UInt8(ascii: "u")
        else {
            throw JSONError(code: .notUTF8, offset: start, reason: "an escape of half a surrogate pair")
        }
        offset += 2
        let low = try scanFourHexadecimalDigits()
        guard low & 0xFC00 == 0xDC00 else {
            throw JSONError(code: .notUTF8, offset: start, reason: "an escape of half a surrogate pair")
        }
        return 0x10000 + (unit & 0x3FF) << 10 + low & 0x3FF
    }

    private mutating func scanned(_ scalar: UInt32) -> UInt32 {
        offset += 1
        return scalar
    }

    private mutating func scanFourHexadecimalDigits() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let next, let digit = ASCII.hexadecimalValue(of: next) else {
                throw unexpected("expected four hexadecimal digits")
            }
            value = value << 4 | digit
            offset += 1
        }
        return value
    }

    /// Appends a scalar that is known to be none of the surrogates.
    private func appendUTF8(of scalar: UInt32, to text: inout [UInt8]) {
        func continuation(_ shift: UInt32) -> UInt8 { UInt8(truncatingIfNeeded: 0x80 | (scalar >> shift) & 0x3F) }
        switch scalar {
        case ..<0x80:
            text.append(UInt8(truncatingIfNeeded: scalar))
        case ..<0x800:
            text.append(UInt8(truncatingIfNeeded: 0xC0 | scalar >> 6))
            text.append(continuation(0))
        case ..<0x10000:
            text.append(UInt8(truncatingIfNeeded: 0xE0 | scalar >> 12))
            text.append(continuation(6))
            text.append(continuation(0))
        default:
            text.append(UInt8(truncatingIfNeeded: 0xF0 | scalar >> 18))
            text.append(continuation(12))
            text.append(continuation(6))
            text.append(continuation(0))
        }
    }

    private func notUTF8(_ reason: String) -> JSONError {
        JSONError(code: .notUTF8, offset: offset, reason: reason)
    }
}

extension JSONReader {
    /// The byte that comes next, nil at the end.
    var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    mutating func skipWhiteSpace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x0A, 0x0D, 0x09: offset += 1
            default: return
            }
        }
    }

    /// Makes sure that a value of this kind comes next.
    mutating func expect(_ kind: JSONKind) throws(JSONError) {
        let found = try peekKind()
        guard found == kind else {
            throw JSONError(code: .unexpectedKind, offset: offset, reason: "expected \(kind), found \(found)")
        }
    }

    /// Reads past a literal whose first letter comes next.
    mutating func skipWord(_ word: StaticString) throws(JSONError) {
        for index in 0..<word.utf8CodeUnitCount {
            guard next == word.utf8Start[index] else { throw unexpected("expected \(word)") }
            offset += 1
        }
    }

    /// Reads past a number whose first byte comes next: `-`? int frac? exp? of RFC 8259.
    mutating func skipNumber() throws(JSONError) {
        if next == ASCII.minus { offset += 1 }
        if next == ASCII.zero {
            offset += 1
            if let next, ASCII.isDigit(next) { throw malformed("a number must not begin with a zero before a digit") }
        } else {
            try skipDigits()
        }
        if next == UInt8(ascii: ".") {
            offset += 1
            try skipDigits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            offset += 1
            if next == UInt8(ascii: "+") || next == ASCII.minus { offset += 1 }
            try skipDigits()
        }
    }

    private mutating func skipDigits() throws(JSONError) {
        let start = offset
        while offset < bytes.count, ASCII.isDigit(bytes[offset]) { offset += 1 }
        guard offset > start else { throw unexpected("expected a digit") }
    }

    /// The text of bytes that are known to be UTF-8.
    func text(_ range: Range<Int>) -> String {
        bytes.withUnsafeBufferPointer { String(decoding: UnsafeBufferPointer(rebasing: $0[range]), as: UTF8.self) }
    }

    func malformed(_ reason: String) -> JSONError {
        JSONError(code: .malformed, offset: offset, reason: reason)
    }

    func unexpectedEnd(_ reason: String) -> JSONError {
        JSONError(code: .unexpectedEnd, offset: offset, reason: "\(reason), found the end")
    }

    /// Either of the two: the next byte is wrong, or there is none.
    func unexpected(_ reason: String) -> JSONError {
        offset < bytes.count ? malformed(reason) : unexpectedEnd(reason)
    }

    func tooDeep() -> JSONError {
        JSONError(code: .tooDeep, offset: offset, reason: "more than \(maximumDepth) arrays and objects in each other")
    }
}

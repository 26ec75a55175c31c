extension JSONReader {
    /// Checks that the bytes are one well-formed document, in one pass and without building any value.
    ///
    /// Names given twice are well-formed by the grammar and are not looked for.
    ///
    /// - Parameters:
    ///   - requireObject: whether the document must be an object.
    ///   - maximumDepth: as in ``init(_:maximumDepth:)``.
    /// - Throws: as ``skipValue()``; `malformed` where something follows the document; `unexpectedKind` where it is
    ///   not the object that it must be.
    public static func validate(
        _ bytes: [UInt8], requireObject: Bool = false, maximumDepth: Int = 64
    ) throws(JSONError) {
        var reader = JSONReader(bytes, maximumDepth: maximumDepth)
        if requireObject { try reader.expect(.object) }
        try reader.skipValue()
        try reader.finish()
    }

    /// Reads past the next value and checks that it is well-formed. Names given twice in it are not looked for.
    ///
    /// It does not recurse: what is open is one bit per level.
    ///
    /// - Throws: `malformed`, `unexpectedEnd`, `notUTF8` or `tooDeep`, with the place.
    public mutating func skipValue() throws(JSONError) {
        var open = OpenContainers()
        while true {
            switch try peekKind() {
            case .object:
                guard depth + open.count < maximumDepth else { throw tooDeep() }
                offset += 1
                skipWhiteSpace()
                if next != ASCII.closeBrace {
                    open.push(isObject: true)
                    try skipMemberName()
                    continue
                }
                offset += 1
            case .array:
                guard depth + open.count < maximumDepth else { throw tooDeep() }
                offset += 1
                skipWhiteSpace()
                if next != ASCII.closeBracket {
                    open.push(isObject: false)
                    continue
                }
                offset += 1
            case .string: try skipString()
            case .number: try skipNumber()
            case .bool: try skipWord(bytes[offset] == UInt8(ascii: "t") ? "true" : "false")
            case .null: try skipWord("null")
            }
            guard try skipToNextElement(&open) else { return }
        }
    }

    /// After a value: closes what ends here and goes past the comma. False where nothing is open any more.
    private mutating func skipToNextElement(_ open: inout OpenContainers) throws(JSONError) -> Bool {
        while open.count > 0 {
            skipWhiteSpace()
            if next == ASCII.comma {
                offset += 1
                guard open.isInObject else { return true }
                skipWhiteSpace()
                try skipMemberName()
                return true
            }
            guard next == (open.isInObject ? ASCII.closeBrace : ASCII.closeBracket) else {
                throw unexpected(
                    open.isInObject
                        ? "expected a comma or the end of the object" : "expected a comma or the end of the array")
            }
            offset += 1
            open.pop()
        }
        return false
    }
}

/// Which of the containers that are open are objects, outermost first: at most ``JSONReader/deepest``.
private struct OpenContainers {
    private(set) var count = 0
    private var areObjects: [8 of UInt64] = .init(repeating: 0)

    var isInObject: Bool {
        let top = count - 1
        return areObjects[top >> 6] & (1 << UInt64(top & 63)) != 0
    }

    mutating func push(isObject: Bool) {
        let bit: UInt64 = 1 << UInt64(count & 63)
        if isObject { areObjects[count >> 6] |= bit } else { areObjects[count >> 6] &= ~bit }
        count += 1
    }

    mutating func pop() {
        count -= 1
    }
}

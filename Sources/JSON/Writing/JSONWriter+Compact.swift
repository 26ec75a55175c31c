extension JSONWriter {
    /// A value that is well-formed JSON already, written on one line: white space between its tokens is left out.
    ///
    /// For formats of lines (newline-delimited JSON, server-sent events), since JSON allows line feeds between tokens. Control
    /// characters within a string, which JSON does not allow, are escaped, so that no bytes whatever begin a new line.
    public mutating func compactValue(_ value: some Sequence<UInt8>) {
        var isInString = false
        var isEscaped = false
        var compact: [UInt8] = []
        compact.reserveCapacity(value.underestimatedCount)
        for byte in value {
            guard isInString else {
                if byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { continue }
                isInString = byte == ASCII.quote
                compact.append(byte)
                continue
            }
            if byte < 0x20 {
                compact.append(contentsOf: byte < 0x10 ? "\\u000".utf8 : "\\u001".utf8)
                compact.append(contentsOf: String(byte & 0xF, radix: 16).utf8)
            } else {
                compact.append(byte)
            }
            if isEscaped {
                isEscaped = false
            } else if byte == ASCII.backslash {
                isEscaped = true
            } else if byte == ASCII.quote {
                isInString = false
            }
        }
        rawValue(compact)
    }
}

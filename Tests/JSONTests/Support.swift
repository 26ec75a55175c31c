import JSON

/// The document read into memory, or the error.
func read(_ bytes: [UInt8], maximumDepth: Int = 64) throws(JSONError) -> JSONValue {
    var reader = JSONReader(bytes, maximumDepth: maximumDepth)
    let value = try reader.readValue()
    try reader.finish()
    return value
}

/// As above, from text.
func read(_ text: String, maximumDepth: Int = 64) throws(JSONError) -> JSONValue {
    try read(Array(text.utf8), maximumDepth: maximumDepth)
}

/// What reading throws; nil where it succeeds.
func readingError(_ bytes: [UInt8], maximumDepth: Int = 64) -> JSONError? {
    do {
        _ = try read(bytes, maximumDepth: maximumDepth)
        return nil
    } catch {
        return error
    }
}

/// What validation throws; nil where it succeeds.
func validationError(_ bytes: [UInt8], requireObject: Bool = false) -> JSONError? {
    do {
        try JSONReader.validate(bytes, requireObject: requireObject)
        return nil
    } catch {
        return error
    }
}

/// A value written out.
func write(_ value: JSONValue) -> [UInt8] {
    var writer = JSONWriter()
    writer.value(value)
    return writer.bytes
}

import JSON

/// Random numbers that come again from the same seed: SplitMix64.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

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

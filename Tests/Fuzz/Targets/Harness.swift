#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What a decoder is tried with. A property that does not hold ends the process, which the fuzzer reports.
typealias Trial = @Sendable (_ input: [UInt8]) -> Void

/// Gives an input to the trial that its first byte names.
///
/// - Returns: 0, or -1 if there is no such trial, so that the fuzzer does not keep the input.
func run(_ trials: [Trial], _ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeBufferPointer(start: start, count: count)
    guard let first = input.first, Int(first) < trials.count else { return -1 }
    trials[Int(first)](Array(input.dropFirst()))
    return 0
}

/// A property of a decoder.
func check(_ holds: Bool, _ property: @autoclosure () -> String) {
    if !holds { fatalError("found: \(property())") }
}

/// What `body` returns; nil if it throws.
func value<Value>(_ body: () throws -> Value) -> Value? {
    do {
        return try body()
    } catch {
        // An error must be tellable, whatever is in it.
        _ = "\(error)".utf8.count
        return nil
    }
}

/// Takes values from an input, one after another; zeros when it is used up.
struct Source {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: [UInt8]) { rest = bytes[...] }

    var isEmpty: Bool { rest.isEmpty }

    mutating func byte() -> UInt8 { rest.popFirst() ?? 0 }

    mutating func integer<Integer: FixedWidthInteger & UnsignedInteger>(_: Integer.Type = Integer.self) -> Integer {
        (0..<MemoryLayout<Integer>.size).reduce(0) { value, _ in value << 8 | Integer(byte()) }
    }

    mutating func bytes(_ count: Int) -> [UInt8] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    /// Bytes behind their number in two.
    mutating func sized() -> [UInt8] { bytes(Int(integer(UInt16.self))) }

    mutating func all() -> [UInt8] { bytes(rest.count) }
}

// MARK: - the corpus

/// An input that the corpus begins with.
struct Seed {
    let name: String
    let bytes: [UInt8]

    /// An input for a trial: bytes, and then text.
    init(_ name: String, _ trial: UInt8, _ bytes: [UInt8], _ text: String = "") {
        self.name = name
        self.bytes = [trial] + bytes + Array(text.utf8)
    }
}

/// Bytes behind their number in two.
func sized(_ bytes: [UInt8]) -> [UInt8] {
    [UInt8(truncatingIfNeeded: bytes.count >> 8), UInt8(truncatingIfNeeded: bytes.count)] + bytes
}

/// Writes the seeds into the folder that the variable SEEDS names, if it names one, and ends the program.
func writeSeeds(_ seeds: () -> [Seed]) -> CInt {
    guard let folder = getenv("SEEDS") else { return 0 }
    for seed in seeds() {
        let path = "\(String(cString: folder))/\(seed.name)"
        guard let file = fopen(path, "w"), fwrite(seed.bytes, 1, seed.bytes.count, file) == seed.bytes.count,
            fclose(file) == 0
        else { fatalError("\(path) cannot be written") }
    }
    exit(0)
}

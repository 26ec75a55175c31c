internal import EventSourcing

/// A line of any length as lines of a bounded length: an account with a long past of holds is longer than a line of a
/// checkpoint may be.
///
/// The parts of a long line begin with `+`, the last one with `=`; every other line stands as it is, and begins with
/// neither.
enum LongLine {
    /// The most bytes of a part.
    static let maxPart = 1 << 20

    static func write(_ bytes: [UInt8], _ line: ([UInt8]) throws -> Void) rethrows {
        guard bytes.count > maxPart else { return try line(bytes) }
        var rest = bytes[...]
        while rest.count > maxPart {
            try line([UInt8(ascii: "+")] + rest.prefix(maxPart))
            rest = rest.dropFirst(maxPart)
        }
        try line([UInt8(ascii: "=")] + rest)
    }

    /// The next whole line; nil at the end.
    static func read(_ nextLine: () throws -> [UInt8]?) throws -> [UInt8]? {
        guard let first = try nextLine() else { return nil }
        guard first.first == UInt8(ascii: "+") else { return first }
        var whole = Array(first.dropFirst())
        while let part = try nextLine() {
            whole += part.dropFirst()
            switch part.first {
            case UInt8(ascii: "+"): continue
            case UInt8(ascii: "="): return whole
            default: throw CheckpointError("a part of a long line is missing")
            }
        }
        throw CheckpointError("the end of a long line is missing")
    }
}

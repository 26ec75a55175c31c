internal import EventSourcing

/// A frame that does not follow the protocol's grammar. It is counted, and otherwise as if it had never come.
public struct MalformedFrame: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong with it.
    public let description: String

    init(_ description: String) { self.description = description }
}

/// Reads the protocol's fields, big-endian, one after another, and never beyond the end.
struct WireReader {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0

    /// The bytes must outlive the reader.
    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    var rest: Int { bytes.count - offset }

    mutating func integer<Integer: FixedWidthInteger>(_: Integer.Type = Integer.self) throws(MalformedFrame) -> Integer
    {
        let size = MemoryLayout<Integer>.size
        guard rest >= size else { throw MalformedFrame("the frame ends within a field") }
        defer { offset += size }
        return Integer(bigEndian: bytes.loadUnaligned(fromByteOffset: offset, as: Integer.self))
    }

    /// A position or a version: at most ``RecordedEvent/maxOrdinal``.
    mutating func ordinal(from first: UInt64 = 0) throws(MalformedFrame) -> UInt64 {
        let ordinal = try integer(UInt64.self)
        guard (first...RecordedEvent.maxOrdinal).contains(ordinal) else {
            throw MalformedFrame("no position and no version is \(ordinal)")
        }
        return ordinal
    }

    /// Microseconds that a moment has.
    mutating func timestamp() throws(MalformedFrame) -> Timestamp {
        let microseconds = try integer(Int64.self)
        guard let timestamp = Timestamp(exactMicroseconds: microseconds) else {
            throw MalformedFrame("a time of \(microseconds) microseconds is beyond the years 0000 to 9999")
        }
        return timestamp
    }

    mutating func slice(_ count: Int) throws(MalformedFrame) -> UnsafeRawBufferPointer {
        guard count >= 0, rest >= count else { throw MalformedFrame("the frame ends within a field") }
        defer { offset += count }
        return UnsafeRawBufferPointer(rebasing: bytes[offset..<(offset + count)])
    }

    mutating func shortText() throws(MalformedFrame) -> String {
        try text(Int(integer(UInt8.self)))
    }

    mutating func text(_ count: Int) throws(MalformedFrame) -> String {
        guard let text = String(validating: try slice(count), as: UTF8.self) else {
            throw MalformedFrame("a text is not UTF-8")
        }
        return text
    }

    mutating func long() throws(MalformedFrame) -> [UInt8] {
        [UInt8](try slice(Int(integer(UInt32.self))))
    }

    mutating func uniqueID() throws(MalformedFrame) -> UniqueID {
        UniqueID(high: try integer(), low: try integer())
    }

    mutating func digest() throws(MalformedFrame) -> Digest256 {
        Digest256(try integer(), try integer(), try integer(), try integer())
    }

    mutating func stream() throws(MalformedFrame) -> StreamID {
        let category = try slice(Int(integer(UInt8.self)))
        let name = try slice(Int(integer(UInt8.self)))
        guard let stream = StreamID(category: category, name: name) else {
            throw MalformedFrame("no stream can have this name")
        }
        return stream
    }

    /// How many of something follow, where each takes at least `size` bytes: so a count never makes anybody reserve
    /// more than the frame itself holds.
    mutating func count<Integer: FixedWidthInteger>(
        _: Integer.Type, ofAtLeast size: Int
    ) throws(MalformedFrame) -> Int {
        let count = Int(try integer(Integer.self))
        guard count <= rest / size else { throw MalformedFrame("the frame holds fewer items than it announces") }
        return count
    }

    func finish() throws(MalformedFrame) {
        guard rest == 0 else { throw MalformedFrame("\(rest) bytes follow the last field") }
    }
}

internal import EventSourcing

/// Writes the protocol's fields, big-endian, one after another.
struct WireWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int) { bytes.reserveCapacity(capacity) }

    mutating func integer(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func raw(_ value: some Sequence<UInt8>) { bytes.append(contentsOf: value) }

    /// Bytes, of which `write` is given the place.
    mutating func bytes(_ count: Int, _ write: (UnsafeMutableRawBufferPointer) -> Void) {
        withUnsafeTemporaryAllocation(byteCount: count, alignment: 8) { place in
            write(place)
            bytes.append(contentsOf: place)
        }
    }

    /// Text of at most 255 bytes, behind its length in one byte.
    mutating func shortText(_ value: String) {
        precondition(value.utf8.count <= 255, "a short text has at most 255 bytes: \(value)")
        integer(UInt8(value.utf8.count))
        raw(value.utf8)
    }

    /// Bytes behind their length in four.
    mutating func long(_ value: [UInt8]) {
        integer(UInt32(value.count))
        raw(value)
    }

    mutating func uniqueID(_ value: UniqueID) {
        integer(value.high)
        integer(value.low)
    }

    mutating func digest(_ value: Digest256) {
        integer(value.words.0)
        integer(value.words.1)
        integer(value.words.2)
        integer(value.words.3)
    }
}

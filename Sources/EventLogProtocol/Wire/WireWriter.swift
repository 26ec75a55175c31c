internal import EventSourcing

/// Writes the protocol's fields, big-endian, one after another.
struct WireWriter {
    private(set) var bytes: [UInt8] = []

    init(capacity: Int) { bytes.reserveCapacity(capacity) }

    mutating func integer(_ value: some FixedWidthInteger) {
        self.bytes(MemoryLayout.size(ofValue: value)) { $0.storeBytes(of: value.bigEndian, as: type(of: value)) }
    }

    mutating func raw(_ value: some Sequence<UInt8>) { bytes.append(contentsOf: value) }

    /// Bytes, of which `write` is given the place.
    mutating func bytes(_ count: Int, _ write: (UnsafeMutableRawBufferPointer) -> Void) {
        bytes.append(addingCapacity: count) { span in
            span.withUnsafeMutableBufferPointer { buffer, initialized in
                write(
                    UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(buffer)[initialized..<(initialized + count)]))
                initialized += count
            }
        }
    }

    /// Replaces the bytes of a range. If the new ones are as many, nothing else is moved.
    mutating func replace(_ place: Range<Int>, _ write: (inout WireWriter) -> Void) {
        var replacement = WireWriter(capacity: 128)
        write(&replacement)
        bytes.replaceSubrange(place, with: replacement.bytes)
    }

    /// Text of at most 255 bytes, behind its length in one byte.
    mutating func shortText(_ value: String) {
        precondition(value.utf8.count <= 255, "a short text has at most 255 bytes: \(value)")
        integer(UInt8(value.utf8.count))
        // A short string holds its bytes in itself: as a sequence they would be added one by one.
        var value = value
        value.withUTF8 { bytes.append(contentsOf: $0) }
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

/// Writes fields, big-endian, one after another into memory of which the caller knows that it is large enough.
package struct MemoryWriter {
    private let memory: UnsafeMutableRawBufferPointer
    /// The number of bytes written.
    package private(set) var count = 0

    /// A writer that begins at the first byte of `memory`.
    package init(_ memory: UnsafeMutableRawBufferPointer) { self.memory = memory }

    package mutating func integer(_ value: some FixedWidthInteger) {
        memory.storeBytes(of: value.bigEndian, toByteOffset: count, as: type(of: value))
        count += MemoryLayout.size(ofValue: value)
    }

    package mutating func bytes(_ bytes: UnsafeRawBufferPointer) {
        UnsafeMutableRawBufferPointer(rebasing: memory[count...]).copyMemory(from: bytes)
        count += bytes.count
    }

    /// Bytes that `write` puts there.
    package mutating func bytes(_ size: Int, _ write: (UnsafeMutableRawBufferPointer) -> Void) {
        write(UnsafeMutableRawBufferPointer(rebasing: memory[count..<(count + size)]))
        count += size
    }

    /// A segment of a topic, and the slash that ends it.
    mutating func segment(_ segment: UnsafeRawBufferPointer) {
        bytes(segment)
        integer(UInt8(ascii: "/"))
    }

    mutating func segment(_ segment: String) {
        var segment = segment
        segment.withUTF8 { self.segment(UnsafeRawBufferPointer($0)) }
    }

    mutating func digest(_ digest: Digest256) {
        integer(digest.words.0)
        integer(digest.words.1)
        integer(digest.words.2)
        integer(digest.words.3)
    }
}

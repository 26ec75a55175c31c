/// What `stream_links` has of one event: see ``StreamLinks``.
struct StreamLink: Hashable {
    /// The bytes that it takes.
    static let size = 16

    /// The position of the stream's event before; 0 where there is none.
    let previous: UInt64
    /// The position that its skip leads to; 0: nowhere.
    let skip: UInt64

    /// The link at a place among those of a row; nil where the row has not so many.
    static func link(at index: UInt64, in bytes: UnsafeRawBufferPointer) -> StreamLink? {
        guard index < bytes.count / size else { return nil }
        func word(_ offset: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: Int(index) * size + offset, as: UInt64.self))
        }
        return StreamLink(previous: word(0), skip: word(8))
    }
}

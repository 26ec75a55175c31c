internal import EventSourcing
internal import GRDB

/// What `stream_links` has of one event: see ``StreamLinks``.
struct StreamLink: Hashable {
    /// The bytes that it takes.
    static let size = 16

    /// The position of the stream's event before; 0 where there is none.
    let previous: UInt64
    /// The position that its skip leads to; 0: nowhere.
    let skip: UInt64

    /// The link of the event at a position.
    ///
    /// - Throws: `damaged` where there is none, or it leads forward: so every walk ends, also through damage.
    static func load(_ position: UInt64, _ database: Database) throws -> StreamLink {
        let row = try PreparedStatement(
            "SELECT position, links FROM stream_links WHERE position <= ? ORDER BY position DESC LIMIT 1", database)
        defer { row.reset() }
        try row.bind(position, at: 1)
        guard position > 0, try row.step(),
            let link = row.withBytes(at: 1, { link(at: position - UInt64(clamping: row.integer(at: 0)), in: $0) })
        else {
            throw SQLiteEventStoreError.damaged(at: position, "it is missing, or the way back from it is")
        }
        guard link.previous < position, link.skip < position else {
            throw SQLiteEventStoreError.damaged(at: position, "the way back from it leads forward; run verify")
        }
        return link
    }

    /// The link at a place among those of a row; nil where the row has not so many.
    static func link(at index: UInt64, in bytes: UnsafeRawBufferPointer) -> StreamLink? {
        guard index < bytes.count / size else { return nil }
        func word(_ offset: Int) -> UInt64 {
            UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: Int(index) * size + offset, as: UInt64.self))
        }
        return StreamLink(previous: word(0), skip: word(8))
    }
}

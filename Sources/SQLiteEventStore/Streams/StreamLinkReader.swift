internal import GRDB

/// Reads links of events, one after another.
struct StreamLinkReader {
    private let row: PreparedStatement

    init(_ database: Database) throws {
        row = try PreparedStatement(
            "SELECT position, links FROM stream_links WHERE position <= ? ORDER BY position DESC LIMIT 1", database)
    }

    /// The link of the event at a position.
    ///
    /// - Throws: `damaged` where there is none, or it leads forward: so every walk ends, also through damage.
    func link(of position: UInt64) throws -> StreamLink {
        defer { row.reset() }
        try row.bind(position, at: 1)
        guard position > 0, try row.step() else { throw missing(position) }
        let index = position - UInt64(clamping: row.integer(at: 0))
        guard let link = StreamLink.link(at: index, in: row.borrowedBytes(at: 1)) else { throw missing(position) }
        guard link.previous < position, link.skip < position else {
            throw SQLiteEventStoreError.damaged(at: position, "the way back from it leads forward; run verify")
        }
        return link
    }

    private func missing(_ position: UInt64) -> SQLiteEventStoreError {
        .damaged(at: position, "it is missing, or the way back from it is")
    }
}

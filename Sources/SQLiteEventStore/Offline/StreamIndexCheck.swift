public import EventSourcing
internal import GRDB

/// Compares the tables by which streams are found with the records of the log, which are shown to it in their order.
///
/// What the tables say of records after those is no concern of it: a log that was cut is a log, and the store makes the
/// tables anew.
public struct StreamIndexCheck: LogIndexCheck {
    private static let rowsOfARead = 1000

    /// What was shown of a stream.
    private struct Known {
        var version: UInt64 = 0
        var position: UInt64 = 0
        var landmarks: [UInt64] = []

        /// - Returns: whether the event is linked to those before it.
        mutating func follow(_ version: UInt64, at position: UInt64, by link: StreamLink) -> Bool {
            let skipped = Int(StreamLinks.skip(of: version) / StreamLinks.stride)
            guard version == self.version + 1, link.previous == self.position,
                link.skip == (skipped > 0 ? landmarks[skipped - 1] : 0)
            else { return false }
            self.version = version
            self.position = position
            if version % StreamLinks.stride == 0 { landmarks.append(position) }
            return true
        }
    }

    private let file: SQLiteLogFile
    /// Whether the file is of a version that has these tables.
    private let isPresent: Bool
    private let until: UInt64
    /// What the table of ends says.
    private let ends: [StreamID: (version: UInt64, position: UInt64)]
    private var streams: [StreamID: Known] = [:]
    private var links: [(position: UInt64, link: StreamLink)] = []
    private var nextLink = 0

    /// A check of a file's tables as they are now.
    public init(of file: SQLiteLogFile) throws {
        self.file = file
        (isPresent, until, ends) = try file.read { database in
            guard try database.tableExists("stream_links") else { return (false, 0, [:]) }
            return (true, try StreamHeadTable.until(database), try StreamHeadTable.all(database))
        }
    }

    /// Checks what the tables say of the next record.
    ///
    /// - Throws: ``SQLiteEventStoreError`` `damaged`, with the position.
    public mutating func take(_ record: RecordedEvent) throws {
        guard isPresent else { return }
        let link = try link(of: record.position)
        let isRight = streams[record.stream, default: Known()].follow(
            record.streamVersion, at: record.position, by: link)
        guard isRight else {
            throw SQLiteEventStoreError.damaged(at: record.position, "the way back from it through its stream is wrong")
        }
        if let end = ends[record.stream], end.version == record.streamVersion || end.position == record.position {
            guard end == (record.streamVersion, record.position) else {
                throw SQLiteEventStoreError.damaged(
                    at: record.position,
                    "the end of \(record.stream) is noted as version \(end.version) at another place")
            }
        }
        if record.position == until { try checkEnds() }
    }

    /// Nothing more: what the tables need not have yet is no concern of the check.
    public mutating func finish() {}

    /// Everything up to here must have been noted.
    private func checkEnds() throws {
        for (stream, known) in streams where (ends[stream]?.version ?? 0) < known.version {
            throw SQLiteEventStoreError.damaged(
                at: known.position, "version \(known.version) of \(stream) is not noted as its end, nor is a later one")
        }
    }

    private mutating func link(of position: UInt64) throws -> StreamLink {
        if nextLink == links.count {
            links = try file.read { try Self.links(from: position, $0) }
            nextLink = 0
        }
        guard nextLink < links.count, links[nextLink].position == position else {
            throw SQLiteEventStoreError.damaged(at: position, "the way back from it through its stream is missing")
        }
        nextLink += 1
        return links[nextLink - 1].link
    }

    private static func links(
        from position: UInt64, _ database: Database
    ) throws -> [(position: UInt64, link: StreamLink)] {
        let rows = try PreparedStatement(
            "SELECT position, links FROM stream_links WHERE position >= ? ORDER BY position LIMIT ?", database)
        defer { rows.reset() }
        try rows.bind(position, at: 1)
        try rows.bind(Int64(rowsOfARead), at: 2)
        var links: [(position: UInt64, link: StreamLink)] = []
        while try rows.step() {
            let first = UInt64(clamping: rows.integer(at: 0))
            let bytes = rows.borrowedBytes(at: 1)
            var index: UInt64 = 0
            while let link = StreamLink.link(at: index, in: bytes) {
                links.append((first + index, link))
                index += 1
            }
        }
        return links
    }
}

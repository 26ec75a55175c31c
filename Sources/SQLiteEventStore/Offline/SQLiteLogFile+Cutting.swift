internal import EventSourcing
internal import GRDB

/// A log may be cut between appends only, for each is recorded whole.
extension SQLiteLogFile {
    /// Requires that an append ends with the record at a position, or that none is there.
    ///
    /// - Throws: ``SQLiteEventStoreError`` `insideAppend`, with the nearest positions where one ends.
    public func requireEndOfAppend(at position: UInt64) throws {
        try read { database in
            guard try Schema.hasAppends(database) else { return }
            let row = try PreparedStatement("SELECT continues FROM events WHERE position = ?", database)
            defer { row.reset() }
            try row.bind(position, at: 1)
            guard try row.step(), row.integer(at: 0) != 0 else { return }
            let before = try Self.nearest("position < ? AND continues = 0 ORDER BY position DESC", position, database)
            let after = try Self.nearest("position > ? AND continues = 0 ORDER BY position", position, database)
            throw SQLiteEventStoreError(
                .insideAppend,
                "position \(position) of \(path) is inside an append, which is atomic: choose position "
                    + "\(before ?? 0)\(after.map { " or position \($0)" } ?? ""), the nearest where an append ends")
        }
    }

    /// Requires that the last append is whole.
    ///
    /// - Throws: ``SQLiteEventStoreError`` `damaged`.
    func requireWholeAppends() throws {
        guard let last = try last(), last.continues else { return }
        throw SQLiteEventStoreError.damaged(at: last.position, SQLiteEventStoreError.endIsMissing)
    }

    private static func nearest(_ condition: String, _ position: UInt64, _ database: Database) throws -> UInt64? {
        let row = try PreparedStatement("SELECT position FROM events WHERE \(condition) LIMIT 1", database)
        defer { row.reset() }
        try row.bind(position, at: 1)
        return try row.step() ? row.ordinal(at: 0) : nil
    }
}

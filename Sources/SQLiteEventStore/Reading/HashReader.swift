internal import EventSourcing
internal import GRDB

/// Reads hashes of records, one after another.
struct HashReader {
    private let row: PreparedStatement
    private let logID: UniqueID

    init(_ database: Database, _ logID: UniqueID) throws {
        self.logID = logID
        row = try PreparedStatement("SELECT hash FROM events WHERE position = ?", database)
    }

    /// The hash that stands before a position of the log.
    func hash(before position: UInt64) throws -> Digest256 {
        if position == 1 { return HashChain.genesis(of: logID) }
        defer { row.reset() }
        try row.bind(position - 1, at: 1)
        guard try row.step(), let hash = row.digest(at: 0) else {
            throw SQLiteEventStoreError.damaged(at: position - 1, "it is missing, or has no hash")
        }
        return hash
    }
}

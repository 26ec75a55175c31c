internal import GRDB

/// Adds rows to `stream_links`.
struct StreamLinkInsert {
    private let database: Database
    private let row: PreparedStatement

    init(_ database: Database) throws {
        self.database = database
        row = try PreparedStatement("INSERT INTO stream_links VALUES (?, ?, ?)", database)
    }

    /// Adds the links of the event that follows a stream's end.
    func insert(at position: UInt64, onto head: StreamHead) throws {
        try row.bind(position, at: 1)
        try row.bind(head.position, at: 2)
        try row.bind(StreamLinks.skip(onto: head, database), at: 3)
        try row.run()
    }
}

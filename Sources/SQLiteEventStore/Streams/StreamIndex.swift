internal import EventSourcing
internal import EventStoreRules
internal import GRDB

/// The tables by which streams are found: of the events nothing but a rearrangement, so they can be made anew.
enum StreamIndex {
    /// Came with version 3 of the schema, in the place of an index over stream and version.
    static let tables = """

        CREATE TABLE stream_links (
            position INTEGER PRIMARY KEY,
            links BLOB NOT NULL
        ) STRICT;
        CREATE TABLE stream_heads (
            category TEXT NOT NULL,
            stream TEXT NOT NULL,
            version INTEGER NOT NULL,
            position INTEGER NOT NULL,
            PRIMARY KEY (category, stream)
        ) STRICT, WITHOUT ROWID;
        CREATE TABLE stream_heads_until (
            only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
            until INTEGER NOT NULL
        ) STRICT;
        INSERT INTO stream_heads_until VALUES (1, 0);
        """

    /// Makes the tables anew where they speak of more or fewer events than there are: somebody cut the log.
    static func repair(_ database: Database) throws {
        let end = try Int64.fetchOne(database, sql: "SELECT max(position) FROM events") ?? 0
        let linked =
            try Int64.fetchOne(
                database,
                sql: "SELECT position + length(links) / 16 - 1 FROM stream_links ORDER BY position DESC LIMIT 1") ?? 0
        guard try linked != end || Int64(clamping: StreamHeadTable.until(database)) > end else { return }
        try database.inTransaction(.immediate) {
            try rebuild(database)
            return .commit
        }
    }

    /// Makes the tables anew from the events, within a transaction.
    ///
    /// - Throws: `damaged` where a position or a version is left out or repeated.
    static func rebuild(_ database: Database) throws {
        try database.execute(sql: "DELETE FROM stream_links; DELETE FROM stream_heads")
        let rows = try PreparedStatement(
            "SELECT position, category, stream, version, id FROM events ORDER BY position", database)
        defer { rows.reset() }
        var links = try StreamLinkInsert(database)
        var heads: [StreamID: StreamHead] = [:]
        var position: UInt64 = 0
        while try rows.step() {
            guard UInt64(clamping: rows.integer(at: 0)) == position + 1 else {
                throw SQLiteEventStoreError.damaged(at: position + 1, "it is missing")
            }
            position += 1
            let (category, name) = (rows.text(at: 1), rows.text(at: 2))
            guard let stream = StreamID(category: category, name: name), let id = rows.uniqueID(at: 4) else {
                throw SQLiteEventStoreError.damaged(
                    at: position, "its stream \(category.printable)/\(name.printable) or its id cannot be")
            }
            let head = heads[stream, default: StreamHead()]
            guard rows.integer(at: 3) == head.version + 1 else {
                throw SQLiteEventStoreError.damaged(
                    at: position,
                    "it says that it is version \(rows.integer(at: 3)) of \(stream), whose next version is "
                        + "\(head.version + 1)")
            }
            try links.add(at: position, onto: head)
            if position % 1000 == 0 { try links.flush() }
            heads[stream] = head.followed(by: id, at: position)
        }
        try links.flush()
        for (stream, head) in heads.sorted(by: { ($0.key.category, $0.key.name) < ($1.key.category, $1.key.name) }) {
            try StreamHeadTable.save(stream, head, database)
        }
        try StreamHeadTable.setUntil(position, database)
    }
}

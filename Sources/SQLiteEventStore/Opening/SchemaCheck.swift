internal import EventStoreRules
internal import GRDB
internal import GRDBSQLite

/// Compares what stands in a file's schema with what Daybook makes, to the letter.
///
/// A trigger, a view in a table's place, a default or a generated column would run whatever its author likes with the
/// log's own reads and writes; an index of somebody's own would only make them slower, and is refused with the rest.
enum SchemaCheck {
    /// How many of SQLite's steps may be done before the schema is known, in thousands: some hundred steps are.
    private static let maxThousandsOfSteps: Int32 = 1000

    /// An object of a schema: a table, an index, a view or a trigger.
    private struct Entry: Hashable {
        let type: String
        let name: String
        let table: String
        let sql: String
    }

    /// Runs what reads a schema. One whose pages lead in circles is not read for ever.
    static func bounded(_ database: Database, path: String, _ body: () throws -> Void) throws {
        let connection = database.sqliteConnection
        var count: Int32 = 0
        do {
            try withUnsafeMutablePointer(to: &count) { count in
                sqlite3_progress_handler(
                    connection, 1000,
                    { context in
                        guard let count = context?.assumingMemoryBound(to: Int32.self) else { return 1 }
                        count.pointee += 1
                        return count.pointee > SchemaCheck.maxThousandsOfSteps ? 1 : 0
                    }, count)
                defer { sqlite3_progress_handler(connection, 0, nil, nil) }
                try body()
            }
        } catch let error as DatabaseError where error.resultCode == .SQLITE_INTERRUPT {
            throw SQLiteEventStoreError(.alteredSchema, "the schema of \(path) has no end: restore a backup")
        }
    }

    /// - Throws: `alteredSchema`, with what is not as Daybook made it.
    static func run(_ database: Database, version: Int64, path: String) throws {
        // In another encoding the bytes of texts are not those that were recorded.
        guard try String.fetchOne(database, sql: "PRAGMA encoding") == "UTF-8" else {
            throw SQLiteEventStoreError(.alteredSchema, "\(path) is not encoded in UTF-8: restore a backup")
        }
        var missing = try DatabaseQueue().write { model in
            try model.execute(sql: Schema.tables(ofVersion: version))
            var entries: Set<Entry> = []
            try forEachEntry(model) { entry, _ in entries.insert(entry) }
            return entries
        }
        // On the first page stands the schema itself.
        var roots: Set<Int64> = [1]
        try forEachEntry(database) { entry, root in
            if missing.remove(entry) != nil {
                // What is written to one of two that share a page stands in the other.
                guard root > 0, roots.insert(root).inserted else {
                    throw SQLiteEventStoreError(
                        .alteredSchema,
                        "the \(entry.type.printable) \(entry.name.printable) of \(path) has no page of its own: restore a "
                            + "backup")
                }
                return
            }
            let isAltered = missing.contains { $0.type == entry.type && $0.name == entry.name }
            throw SQLiteEventStoreError(
                .alteredSchema,
                isAltered
                    ? "the \(entry.type.printable) \(entry.name.printable) of \(path) is not as Daybook made it: restore a "
                        + "backup"
                    : "\(path) has the \(entry.type.printable) “\(entry.name.printable)”, which Daybook did not make: "
                        + "drop it if it is yours, or restore a backup")
        }
        if let entry = missing.min(by: { $0.name < $1.name }) {
            throw SQLiteEventStoreError(
                .alteredSchema, "\(path) lacks the \(entry.type) \(entry.name): restore a backup")
        }
    }

    /// Reads the entries, and the page on which each begins.
    ///
    /// `sqlite_master` is the one name of the schema that a file cannot give to something else.
    private static func forEachEntry(_ database: Database, _ body: (Entry, _ root: Int64) throws -> Void) throws {
        let rows = try PreparedStatement("SELECT type, name, tbl_name, sql, rootpage FROM sqlite_master", database)
        defer { rows.reset() }
        while try rows.step() {
            try body(
                Entry(type: rows.text(at: 0), name: rows.text(at: 1), table: rows.text(at: 2), sql: rows.text(at: 3)),
                rows.integer(at: 4))
        }
    }
}

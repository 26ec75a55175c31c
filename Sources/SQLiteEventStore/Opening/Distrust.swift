internal import GRDB
internal import GRDBSQLite

/// What a connection does not do for a file, whatever stands in it: the file may be anybody's.
enum Distrust {
    /// The longest value that is read or written, in bytes. The largest that the log keeps are the links of a batch, 16 bytes
    /// an event.
    private static let maxValue: Int32 = 64 << 20
    /// The longest statement, also of a file's schema.
    private static let maxStatement: Int32 = 1 << 20
    private static let maxExpressionDepth: Int32 = 100

    /// To be called before the connection reads the file: a schema calls no function with an effect and runs no trigger,
    /// values and statements are bounded, and pages are looked at before they are believed.
    static func begin(_ database: Database) throws {
        let connection = database.sqliteConnection
        sqlite3_limit(connection, SQLITE_LIMIT_LENGTH, maxValue)
        sqlite3_limit(connection, SQLITE_LIMIT_SQL_LENGTH, maxStatement)
        sqlite3_limit(connection, SQLITE_LIMIT_EXPR_DEPTH, maxExpressionDepth)
        sqlite3_limit(connection, SQLITE_LIMIT_TRIGGER_DEPTH, 0)
        try database.execute(sql: "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON")
    }
}

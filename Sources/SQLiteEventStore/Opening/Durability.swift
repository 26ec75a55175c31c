internal import GRDB

/// What makes a commit durable: SQLite's settings, as they are read back from the connection that writes.
struct Durability: Hashable, Sendable {
    /// `wal`: the only mode whose readers never wait for the writer.
    var journalMode: String
    /// 2, SQLite's number for FULL: every commit is flushed before it returns.
    var synchronous: Int

    /// What the store requires.
    static let required = Durability(journalMode: "wal", synchronous: 2)

    /// Sets what is required on the connection that writes, and reads it back.
    ///
    /// Only once the pool is open: GRDB sets `synchronous = NORMAL` while it opens the pool, after whatever its
    /// configuration asked for, and a setting made within a transaction is ignored; both without a word.
    static func establish(on database: Database, path: String) throws {
        try database.execute(sql: "PRAGMA synchronous = FULL")
        // Only on Apple systems, where fsync leaves the data in the drive's cache; elsewhere without effect.
        try database.execute(sql: "PRAGMA fullfsync = 1")
        let actual = try read(from: database)
        guard actual == required else {
            throw SQLiteEventStoreError(
                .notDurable, "\(path) must be written with \(required), but SQLite made it \(actual)")
        }
    }

    /// The settings of a connection.
    static func read(from database: Database) throws -> Durability {
        Durability(
            journalMode: try String.fetchOne(database, sql: "PRAGMA journal_mode") ?? "",
            synchronous: try Int.fetchOne(database, sql: "PRAGMA synchronous") ?? -1)
    }
}

internal import EventSourcing
internal import GRDB

/// The tables of a log, made so that its history can be read with any SQLite tool.
enum Schema {
    /// `DBK1`, which tells Daybook's files from other programs'.
    static let applicationID: Int64 = 0x4442_4B31

    /// The version of the tables, kept as SQLite's `user_version`.
    static let version: Int64 = 4

    /// How the tables of a version were made.
    static func tables(ofVersion version: Int64) -> String {
        base + (version < 3 ? streamIndex : "") + (version >= 2 ? snapshots : "")
            + (version >= 3 ? StreamIndex.tables : "") + (version >= 4 ? appends : "")
    }

    /// Of all versions. `recorded_at` and `created_at` count microseconds since 1970-01-01T00:00:00Z.
    private static let base = """
        CREATE TABLE log (
            only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
            id BLOB NOT NULL CHECK (length(id) = 16),
            created_at INTEGER NOT NULL
        ) STRICT;
        CREATE TABLE events (
            position INTEGER PRIMARY KEY,
            category TEXT NOT NULL,
            stream TEXT NOT NULL,
            version INTEGER NOT NULL,
            type TEXT NOT NULL,
            schema_version INTEGER NOT NULL,
            recorded_at INTEGER NOT NULL,
            id BLOB NOT NULL,
            hash BLOB NOT NULL,
            metadata TEXT NOT NULL,
            data TEXT NOT NULL
        ) STRICT;
        CREATE TABLE command_keys (
            category TEXT NOT NULL,
            stream TEXT NOT NULL,
            key BLOB NOT NULL,
            fingerprint BLOB NOT NULL,
            outcome BLOB NOT NULL,
            position INTEGER NOT NULL,
            recorded_at INTEGER NOT NULL,
            stream_versions TEXT NOT NULL,
            PRIMARY KEY (category, stream, key)
        ) STRICT, WITHOUT ROWID;
        """

    /// Went with version 3.
    private static let streamIndex = """

        CREATE UNIQUE INDEX events_by_stream ON events (category, stream, version);
        """

    /// Came with version 2.
    private static let snapshots = """

        CREATE TABLE snapshots (
            category TEXT NOT NULL,
            stream TEXT NOT NULL,
            version INTEGER NOT NULL,
            fingerprint BLOB NOT NULL,
            last_event BLOB NOT NULL,
            created_at INTEGER NOT NULL,
            updated_at INTEGER NOT NULL,
            state BLOB NOT NULL,
            PRIMARY KEY (category, stream, version, fingerprint)
        ) STRICT, WITHOUT ROWID;
        """

    /// Came with version 4: whether the append of a record goes on in the next one, and the streams of an append under a
    /// key as a JSON array, NULL if the key's own is the only one or they were not kept. SQLite changes no row for these,
    /// and reads the default in the rows that were there.
    private static let appends = """

        ALTER TABLE events ADD COLUMN continues INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE command_keys ADD COLUMN streams TEXT;
        """

    /// Refuses a file that is not Daybook's, is a newer Daybook's, or has anything in its schema that Daybook did not make.
    /// Changes nothing.
    static func check(_ database: Database, path: String) throws {
        try SchemaCheck.bounded(database, path: path) {
            if let version = try knownVersion(database, path: path) {
                try SchemaCheck.run(database, version: version, path: path)
            }
        }
    }

    /// - Returns: nil for a file without any content.
    private static func knownVersion(_ database: Database, path: String) throws -> Int64? {
        let application = try pragma("application_id", database)
        let version = try pragma("user_version", database)
        if application != applicationID {
            let objects = try Int64.fetchOne(database, sql: "SELECT count(*) FROM sqlite_master")
            guard application == 0, version == 0, objects == 0 else {
                throw SQLiteEventStoreError(
                    .foreignFile,
                    "\(path) belongs to another program (application id \(application)): choose another path")
            }
            return nil
        }
        if version > Self.version {
            throw SQLiteEventStoreError(
                .newerSchema,
                "\(path) has schema version \(version), and this program knows versions up to \(Self.version): "
                    + "use the Daybook that wrote it, or a newer one")
        }
        if version < 1 {
            throw SQLiteEventStoreError(
                .damaged, "\(path) says that it is Daybook's but has schema version \(version): restore a backup")
        }
        return version
    }

    /// Makes the tables and the log's id where the file is new, and the tables that an older file lacks: in one
    /// transaction, so that a file either has all of it or none.
    ///
    /// - Parameter newID: the id that a new log gets; nil: one that no other log has.
    /// - Returns: the log's id.
    static func open(
        _ database: Database, path: String, at time: Timestamp, newID: UniqueID? = nil
    ) throws -> UniqueID {
        if try pragma("application_id", database) != applicationID {
            let id = newID ?? UniqueID.version7(at: time)
            try database.inTransaction(.immediate) {
                try database.execute(sql: "PRAGMA application_id = \(applicationID)")
                try database.execute(sql: "PRAGMA user_version = \(version)")
                try database.execute(sql: tables(ofVersion: version))
                let insert = try PreparedStatement("INSERT INTO log VALUES (1, ?, ?)", database)
                try insert.bind(id, at: 1)
                try insert.bind(time.microseconds, at: 2)
                try insert.run()
                return .commit
            }
        }
        let found = try pragma("user_version", database)
        if found < version {
            try database.inTransaction(.immediate) {
                if found < 2 { try database.execute(sql: snapshots) }
                if found < 3 {
                    try database.execute(sql: StreamIndex.tables)
                    try StreamIndex.rebuild(database)
                    try database.execute(sql: "DROP INDEX events_by_stream")
                }
                try database.execute(sql: appends + "PRAGMA user_version = \(version)")
                return .commit
            }
        }
        return try logID(database, path: path)
    }

    /// The log's id.
    static func logID(_ database: Database, path: String) throws -> UniqueID {
        guard try pragma("application_id", database) == applicationID else {
            throw SQLiteEventStoreError(.foreignFile, "\(path) is empty: it holds no log")
        }
        let select = try PreparedStatement("SELECT id FROM log", database)
        defer { select.reset() }
        guard try select.step(), let id = select.uniqueID(at: 0) else {
            throw SQLiteEventStoreError(.damaged, "\(path) has lost the id of its log: restore a backup")
        }
        return id
    }

    /// Whether a file that may be of an older version has the columns of version 4.
    static func hasAppends(_ database: Database) throws -> Bool { try pragma("user_version", database) >= 4 }

    private static func pragma(_ name: String, _ database: Database) throws -> Int64 {
        try Int64.fetchOne(database, sql: "PRAGMA \(name)") ?? 0
    }
}

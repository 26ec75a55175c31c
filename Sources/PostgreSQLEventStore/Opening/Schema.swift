internal import EventSourcing

/// The schema `daybook` of a database, made or brought up to date when a log is opened.
enum Schema {
    /// What a log is given when it is made.
    struct Identity {
        /// The log's id.
        let logID: UniqueID
        /// The secret of ``IndexSlot``.
        let salt: [UInt8]
    }

    /// The version that this program knows.
    static var version: Int { SchemaTables.migrations.count }

    private static let saltSize = 16

    /// Makes what is missing, in one transaction, and reads the log's identity.
    ///
    /// To be called by who leads, so that nobody else makes the same.
    ///
    /// - Parameter newID: the id that a new log gets; nil: one that no other log has.
    /// - Throws: `foreignSchema`, `newerSchema` or `alteredSchema`, with nothing changed; ``ConnectionFailure``.
    static func open(
        _ connection: Connection, at time: Timestamp, newID: UniqueID? = nil, _ string: ConnectionString,
        within limit: Duration
    ) throws -> Identity {
        let found = try foundVersion(connection, string, limit)
        if found > 0 { try SchemaCheck.run(connection, version: found, string, within: limit) }
        if found < version {
            try migrate(connection, from: found, newID ?? .version7(at: time), at: time, string, limit)
        }
        return try identity(connection, string, within: limit)
    }

    /// The log's identity, if all of the schema is as this program knows it. Makes and changes nothing.
    ///
    /// - Returns: nil if something is missing that ``open(_:at:newID:_:within:)`` would make.
    /// - Throws: as that.
    static func find(
        _ connection: Connection, _ string: ConnectionString, within limit: Duration
    ) throws -> Identity? {
        let found = try foundVersion(connection, string, limit)
        guard found == version else { return nil }
        try SchemaCheck.run(connection, version: found, string, within: limit)
        return try identity(connection, string, within: limit)
    }

    /// Reads the log's identity.
    static func identity(
        _ connection: Connection, _ string: ConnectionString, within limit: Duration
    ) throws -> Identity {
        let rows = try connection.run(
            Statement("SELECT id, salt FROM daybook.log", returning: [.uuid, .bytea]), within: limit)
        guard let id = rows.first?.id(at: 0), let salt = rows.first?.bytes(at: 1), salt.count == saltSize else {
            throw PostgreSQLEventStoreError(
                .damaged, "\(string.place) has lost the id of its log, in daybook.log: restore a backup")
        }
        return Identity(logID: id, salt: salt)
    }

    /// The version of the schema; 0 if there is none yet.
    ///
    /// - Throws: `foreignSchema`, `newerSchema`, `damaged`; ``ConnectionFailure``.
    static func foundVersion(
        _ connection: Connection, _ string: ConnectionString, _ limit: Duration
    ) throws -> Int {
        let rows = try connection.run(
            Statement(
                """
                SELECT pg_catalog.to_regclass('daybook.log') IS NOT NULL, count(*) FROM pg_catalog.pg_class AS c
                JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'daybook'
                """, returning: [.bool, .int8]), within: limit)
        guard rows.first?.bool(at: 0) == true else {
            guard rows.first?.integer(at: 1) == 0 else {
                throw PostgreSQLEventStoreError(
                    .foreignSchema,
                    "\(string.place) has a schema daybook that is not Daybook's: use another database")
            }
            return 0
        }
        let versions = try connection.run(
            Statement("SELECT schema_version FROM daybook.log", returning: [.int4]), within: limit)
        guard let number = versions.first?.smallInteger(at: 0), number > 0 else {
            throw PostgreSQLEventStoreError(
                .damaged, "\(string.place) has lost the version of its schema, in daybook.log: restore a backup")
        }
        guard number <= version else {
            throw PostgreSQLEventStoreError(
                .newerSchema,
                "the schema daybook of \(string.place) has version \(number), and this program knows versions up to "
                    + "\(version): use the Daybook that made it, or a newer one")
        }
        return Int(number)
    }

    private static func migrate(
        _ connection: Connection, from found: Int, _ newID: UniqueID, at time: Timestamp, _ string: ConnectionString,
        _ limit: Duration
    ) throws {
        var statements = [Statement("BEGIN")]
        if found == 0, try !hasSchema(connection, limit) { statements.append(Statement("CREATE SCHEMA daybook")) }
        statements += SchemaTables.migrations[found...].joined().map { Statement($0) }
        if found == 0 {
            statements += [
                Statement(
                    "INSERT INTO daybook.log VALUES (1, $1, $2, $3, $4)",
                    [.smallInteger(Int32(version)), .id(newID), .bytes(newSalt()), .time(time)]),
                Statement(
                    "INSERT INTO daybook.writer VALUES (1, 0, $1, 0, 0, $2, true, '', '', $2)",
                    [.id(UniqueID(high: 0, low: 0)), .time(time)]),
            ]
        } else {
            statements.append(
                Statement("UPDATE daybook.log SET schema_version = $1", [.smallInteger(Int32(version))]))
        }
        do {
            _ = try connection.run(statements + [Statement("COMMIT")], within: limit)
        } catch {
            // 42501: insufficient privilege.
            guard case .refused(let message, _) = error, message.state == "42501" else { throw error }
            throw PostgreSQLEventStoreError(
                .cannotOpen,
                "the role may not make the schema daybook in \(string.place): open the log once as the database's "
                    + "owner, or grant CREATE on the database")
        }
        guard connection.warnings.isEmpty else {
            throw PostgreSQLEventStoreError(
                .notDurable,
                "the schema daybook was made in \(string.place), but the server warns: "
                    + "\(connection.warnings[0])")
        }
    }

    private static func hasSchema(_ connection: Connection, _ limit: Duration) throws(ConnectionFailure) -> Bool {
        try connection.run(
            Statement(
                "SELECT count(*) FROM pg_catalog.pg_namespace WHERE nspname = 'daybook'", returning: [.int8]),
            within: limit
        ).first?.integer(at: 0) == 1
    }

    private static func newSalt() -> [UInt8] {
        var generator = SystemRandomNumberGenerator()
        return (0..<saltSize).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
    }
}

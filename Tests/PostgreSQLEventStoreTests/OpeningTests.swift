import EventSourcing
import TestSupport
import Testing

@testable import PostgreSQLEventStore

@Suite("A database is looked at before a log is kept in it")
struct OpeningTests {
    private func code(of database: TestDatabase) throws -> PostgreSQLEventStoreError.Code? {
        #expect(throws: PostgreSQLEventStoreError.self) { try PostgreSQLEventStore(database.string).close() }?.code
    }

    @Test func aForeignSchemaIsLeftAlone() throws {
        let database = try TestDatabase()
        try database.run("CREATE SCHEMA daybook")
        try PostgreSQLEventStore(database.string).close()
        try database.run("DROP SCHEMA daybook CASCADE")
        try database.run("CREATE SCHEMA daybook")
        try database.run("CREATE TABLE daybook.pages (number integer)")
        #expect(try code(of: database) == .foreignSchema)
    }

    @Test func aNewerSchemaIsLeftAlone() throws {
        let database = try TestDatabase()
        try PostgreSQLEventStore(database.string).close()
        try database.run("UPDATE daybook.log SET schema_version = schema_version + 1")
        #expect(try code(of: database) == .newerSchema)
    }

    @Test func aDatabaseOfAnotherEncodingIsRefused() throws {
        let server = try PostgreSQLServer.shared()
        let admin = try Connection(ConnectionString(server.local))
        _ = try admin.run(
            Statement("CREATE DATABASE ascii TEMPLATE template0 ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C'"),
            within: .seconds(60))
        let error = #expect(throws: PostgreSQLEventStoreError.self) {
            try PostgreSQLEventStore(server.local.replacing("/postgres?", with: "/ascii?"))
        }
        #expect(error?.code == .unsuitable)
        #expect(error?.description.contains("server_encoding = SQL_ASCII") == true)
    }

    @Test func aServerThatCannotBeReachedIsAnObstacle() throws {
        let obstacle = #expect(throws: StoreObstacle.self) {
            try PostgreSQLEventStore("postgresql://secret:word@127.0.0.1:1/none")
        }
        #expect(obstacle?.kind == .unavailable)
        #expect(obstacle?.description.contains("word") == false)
    }

    @Test func settingsOfARoleAreOverridden() throws {
        let database = try TestDatabase()
        for setting in [
            "synchronous_commit = off", "client_min_messages = error", "search_path = nowhere",
            "default_transaction_isolation = serializable", "bytea_output = escape", "statement_timeout = 1000",
        ] { try database.run("ALTER DATABASE \(database.name) SET \(setting)") }
        let store = try PostgreSQLEventStore(database.string)
        // A write takes longer than a statement may by those settings.
        for statement in [
            """
            CREATE FUNCTION public.wait() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_catalog.pg_sleep(1.2); RETURN new; END $$
            """, "CREATE TRIGGER wait BEFORE INSERT ON daybook.records EXECUTE FUNCTION public.wait()",
        ] { try database.run(statement) }
        try store.add(to: stream("a"), under: "key")
        #expect(try store.versions(of: stream("a")) == [1])
        try store.close()
    }

    @Test func anEndThatIsNotWhatWasWrittenIsFound() throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        for name in ["a", "b", "a"] { try store.add(to: stream(name)) }
        try store.close()
        for damage in [
            "UPDATE daybook.records SET data = '{}' WHERE position = 3",
            "UPDATE daybook.records SET continues = true WHERE position = 3",
            "UPDATE daybook.records SET head_slot = NULL WHERE position = 3",
            "UPDATE daybook.records SET hash = '\\x00' WHERE position = 2",
            "DELETE FROM daybook.records WHERE position = 3", "DELETE FROM daybook.writer",
        ] {
            let connection = try database.connect()
            _ = try connection.run(
                [
                    "DROP TABLE IF EXISTS public.kept_records", "DROP TABLE IF EXISTS public.kept_writer",
                    "CREATE TABLE public.kept_records AS SELECT * FROM daybook.records",
                    "CREATE TABLE public.kept_writer AS SELECT * FROM daybook.writer",
                ].map { Statement($0) },
                within: .seconds(30))
            try database.run(damage)
            #expect(try code(of: database) == .damaged, "\(damage)")
            _ = try connection.run(
                [
                    "DELETE FROM daybook.records", "INSERT INTO daybook.records SELECT * FROM public.kept_records",
                    "DELETE FROM daybook.writer", "INSERT INTO daybook.writer SELECT * FROM public.kept_writer",
                ]
                .map { Statement($0) }, within: .seconds(30))
        }
        try PostgreSQLEventStore(database.string).close()
    }
}

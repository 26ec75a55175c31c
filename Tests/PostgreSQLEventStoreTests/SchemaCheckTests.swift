import EventSourcing
import Testing

@testable import PostgreSQLEventStore

@Suite("A schema that is not as Daybook made it is refused")
struct SchemaCheckTests {
    @Test func whatTheStatementsMakeIsWhatTheModelSays() throws {
        let database = try TestDatabase()
        try PostgreSQLEventStore(database.string).close()
        try check(database)
        let entries = SchemaModel.entries(ofVersion: Schema.version)
        #expect(
            entries.contains(
                SchemaModel.Entry(
                    kind: "column", name: "records.recorded_at", definition: "3 timestamp with time zone NOT NULL")))
        #expect(Set(entries.map(\.kind)) == ["table", "column", "constraint", "index", "function", "view"])
    }

    /// Each with the words that name it.
    static let alterations = [
        ("CREATE TRIGGER spy BEFORE INSERT ON daybook.records FOR EACH ROW EXECUTE FUNCTION public.spy()", "trigger"),
        ("CREATE RULE mine AS ON INSERT TO daybook.refusals DO INSTEAD NOTHING", "rule “refusals.mine”"),
        ("CREATE POLICY mine ON daybook.records USING (true)", "policy “records.mine”"),
        ("ALTER TABLE daybook.snapshots ADD COLUMN mine text", "column “snapshots.mine”"),
        ("ALTER TABLE daybook.writer ALTER COLUMN changes SET DEFAULT 0", "column writer.changes"),
        ("ALTER TABLE daybook.log DROP COLUMN created_at", "column log.created_at"),
        ("DROP INDEX daybook.refusals_key", "index refusals_key"),
        ("DROP FUNCTION daybook.advance", "lacks the function advance(bigint, bigint, bigint, bigint)"),
        ("ALTER FUNCTION daybook.advance SECURITY DEFINER", "function advance"),
        ("CREATE VIEW daybook.mine AS SELECT 1", "view “mine”"), ("CREATE SEQUENCE daybook.mine", "sequence “mine”"),
        ("CREATE TYPE daybook.mine AS ENUM ('a')", "type “mine”"),
        ("ALTER TABLE daybook.records SET UNLOGGED", "table records"),
    ]

    @Test(arguments: alterations)
    func anAlterationIsNamedAtTheOpeningAndByWhoOnlyReads(statement: String, words: String) throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        try store.add(to: stream("a"), under: "key")
        try store.close()
        try database.run(
            "CREATE OR REPLACE FUNCTION public.spy() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'")
        try database.run(statement)
        let opening = #expect(throws: PostgreSQLEventStoreError.self) {
            try PostgreSQLEventStore(database.string).close()
        }
        let reading = #expect(throws: PostgreSQLEventStoreError.self) { try PostgreSQLLogSource(database.string) }
        // As who takes the lead without the lock does.
        let finding = #expect(throws: PostgreSQLEventStoreError.self) {
            try Schema.find(database.connect(), ConnectionString(database.string), within: .seconds(60))
        }
        for error in [opening, reading, finding] {
            #expect(error?.code == .alteredSchema)
            #expect(error?.description.contains(words) == true, "\(String(describing: error))")
        }
    }

    private func check(_ database: TestDatabase) throws {
        try SchemaCheck.run(
            database.connect(), version: Schema.version, ConnectionString(database.string), within: .seconds(60))
    }
}

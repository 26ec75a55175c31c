import EventSourcing
import TestSupport
import Testing

@testable import PostgreSQLEventStore

@Suite("A writer's row that no Daybook wrote is damage")
struct LeadRowTests {
    /// What a row is changed to, and what is said of it.
    static let damages = [
        ("changes = -1", "changes = -1"), ("changes = \(Int64.min)", "changes = \(Int64.min)"),
        ("changes = \(Int64.max)", "changes = \(Int64.max)"),
        ("changes = \(LeadRow.maxChanges + 1)", "changes = \(LeadRow.maxChanges + 1)"),
        ("epoch = -1", "epoch = -1"), ("position = -1", "position = -1"),
        ("position = \(Int64.min)", "position = \(Int64.min)"), ("renewed_at = 'infinity'", "no valid renewed_at"),
        ("renewed_at = '-infinity'", "no valid renewed_at"), ("led_since = 'infinity'", "no valid led_since"),
    ]

    /// Values that are far from every real one, but can be read.
    static let extremes = [
        "changes = 0", "changes = \(LeadRow.maxChanges)", "renewed_at = '294276-01-01'", "renewed_at = '4713-01-01 BC'",
        "leader = repeat(E'\\x1b[31m', 1000000)",
    ]

    @Test(arguments: damages) func itIsNotOpened(_ change: String, _ reason: String) throws {
        let database = try TestDatabase()
        try PostgreSQLEventStore(database.string).close()
        let epoch = try database.epoch()
        try database.run("UPDATE daybook.writer SET \(change)")
        let error = #expect(throws: PostgreSQLEventStoreError.self) { try PostgreSQLEventStore(database.string) }
        #expect(error?.code == .damaged)
        #expect(error?.description.contains(reason) == true)
        // Nobody is deposed by it.
        if !change.hasPrefix("epoch") { #expect(try database.epoch() == epoch) }
    }

    @Test(arguments: extremes) func whatCanBeReadIsOpened(_ change: String) throws {
        let database = try TestDatabase()
        try PostgreSQLEventStore(database.string).close()
        try database.run("UPDATE daybook.writer SET \(change)")
        let store = try PostgreSQLEventStore(database.string)
        for _ in 1...3 { try store.add(to: stream("a")) }
        try store.close()
    }

    @Test func aMissingValueIsDamageAndAnotherTypeIsNotRead() throws {
        let database = try TestDatabase()
        try PostgreSQLEventStore(database.string).close()
        let columns = [
            "epoch", "changes", "position", "owner", "leader", "led_since", "renewed_at", "server_run", "released",
        ]
        for column in columns {
            let connection = try database.connect()
            _ = try connection.run(
                [
                    "BEGIN", "ALTER TABLE daybook.writer ALTER \(column) DROP NOT NULL",
                    "UPDATE daybook.writer SET \(column) = NULL",
                ].map { Statement($0) }, within: .seconds(60))
            let error = #expect(throws: PostgreSQLEventStoreError.self, "\(column)") {
                try LeadRow.read(connection, within: .seconds(60))
            }
            #expect(error?.code == .damaged)
            #expect(error?.description.contains(column) == true)
            _ = try connection.run(Statement("ROLLBACK"), within: .seconds(60))
        }
        try database.run("ALTER TABLE daybook.writer ALTER changes TYPE text")
        #expect(throws: ConnectionFailure.self) { try LeadRow.read(database.connect(), within: .seconds(60)) }
    }

    @Test(arguments: ["changes = -1", "position = -1"])
    func aStoreThatFindsItWithANewConnectionEnds(_ change: String) throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        try store.add(to: stream("a"))
        let epoch = try database.epoch()
        // In one transaction: a writer that renewed its lease in between would take itself for deposed.
        _ = try database.connect().run(
            [
                Statement("BEGIN"), Statement("LOCK TABLE daybook.writer"),
                Statement("UPDATE daybook.writer SET \(change)"),
                Statement(
                    """
                    SELECT pg_catalog.pg_terminate_backend(pid::integer, 10000)
                    FROM (\(TestDatabase.writerQuery)) AS writer
                    """, returning: [.bool]),
                Statement("COMMIT"),
            ], within: .seconds(60))
        let error = #expect(throws: PostgreSQLEventStoreError.self) { try store.add(to: stream("a")) }
        #expect(error?.code == .damaged)
        #expect(try database.epoch() == epoch)
        try store.close()
    }
}

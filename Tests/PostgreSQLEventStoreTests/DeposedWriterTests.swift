import EventSourcing
import TestSupport
import Testing

@testable import PostgreSQLEventStore

@Suite("Whoever was deposed finds out what was recorded before")
struct DeposedWriterTests {
    /// Whether two writes are acknowledged that were recorded before another program took the lead, though the connection is
    /// lost when the first of them was found, and the second was not looked for yet.
    private func acknowledgesWhatWasRecorded(_ faults: Faults) async throws -> Bool {
        let database = try TestDatabase()
        let stepped = try SteppedWriter(database, faults: faults)
        let a = try stream("a")
        let endings = Endings()
        stepped.begin(.append([append([event()], to: a)]), completed: endings.add(0))
        try await stepped.end()
        for number in 1...2 {
            stepped.begin(.append([append([event()], to: a)]), completed: endings.add(number))
        }
        try await eventually("both are recorded, and their answers not taken in", within: .seconds(60)) {
            try database.run("SELECT count(*) FROM daybook.records", returning: [.int8]).first?.integer(at: 0) == 3
        }
        #expect(endings.all.count == 1)
        try database.depose()
        try database.endsAtFirstLook(at: 3)
        stepped.writer.lose("the test wants it so")
        var attempts = 0
        while !stepped.writer.hasEnded, attempts < 20 {
            attempts += 1
            stepped.writer.reconnect()
        }
        // The first one lost its connection, as it had to.
        #expect(attempts > 1)
        let looks = try database.run("SELECT is_called FROM daybook.looks", returning: [.bool])
        #expect(looks.first?.bool(at: 0) == true)
        #expect(stepped.state.failure is LeadLost)
        #expect(endings.all.map(\.number) == [0, 1, 2])
        return endings.all.allSatisfy { if case .appended = $0.result { true } else { false } }
    }

    @Test func aConnectionThatIsLostMeanwhileHasItBeginAgain() async throws {
        #expect(try await acknowledgesWhatWasRecorded(Faults()))
    }

    @Test func aHeadThatIsMovedTooEarlyIsNoticed() async throws {
        #expect(try await !acknowledgesWhatWasRecorded(Faults(movesHeadBeforeAllIsKnown: true)))
    }
}

extension TestDatabase {
    /// Has the server's process end that reads the hash of a record first.
    fileprivate func endsAtFirstLook(at position: UInt64) throws {
        try run("CREATE SEQUENCE daybook.looks")
        // A number of a sequence is not taken back with its transaction. Stable, or it would be called for the last position, too.
        try run(
            """
            CREATE FUNCTION daybook.end_at_first_look(hash bytea) RETURNS bytea LANGUAGE plpgsql STABLE AS $$
            BEGIN
                IF nextval('daybook.looks') = 1 THEN
                    PERFORM pg_terminate_backend(pg_backend_pid());
                    PERFORM pg_sleep(60);
                END IF;
                RETURN hash;
            END $$
            """)
        try run("ALTER TABLE daybook.records RENAME TO kept")
        try run(
            """
            CREATE VIEW daybook.records AS SELECT position,
                CASE WHEN position = \(position) THEN daybook.end_at_first_look(hash) ELSE hash END AS hash
            FROM daybook.kept
            """)
    }
}

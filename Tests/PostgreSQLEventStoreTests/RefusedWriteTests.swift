import EventSourcing
import TestSupport
import Testing

@testable import PostgreSQLEventStore

@Suite("Nothing stands on a write that the server refused")
struct RefusedWriteTests {
    /// What became of a write that was asked for while the one before it was refused.
    private enum Ending {
        /// It was decided on what is recorded.
        case right
        /// It was decided on what was refused.
        case wrong
        /// The machine was too slow: the server did not wait for long enough.
        case undecided
    }

    private func ending(of faults: Faults) async throws -> Ending {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string, timeouts: Timeouts(), faults: faults)
        let appender = store.appender()
        let a = try stream("a")
        try store.add(to: a)
        try database.refuseSomeEvents()
        let (gate, lock) = (try database.connect(), try database.connect())
        _ = try gate.run(
            [Statement("BEGIN"), Statement("LOCK TABLE public.gate IN SHARE MODE")], within: .seconds(60))
        let endings = Endings()
        let refused = { NewEvent(id: .version7(at: .now()), type: "Refused", schemaVersion: 1, data: Array("{}".utf8)) }
        appender.begin(.append([append([refused(), refused()], to: a, under: "1")]), completed: endings.add(1))
        try await eventually("the first is under way", within: .seconds(60)) {
            try database.count("wait_event = 'PgSleep'") > 0
        }
        // Where keys are looked for.
        _ = try lock.run(
            [Statement("BEGIN"), Statement("LOCK TABLE daybook.refusals")], within: .seconds(60))
        let second = [append([event()], to: a, under: "1"), append([event()], to: a, under: "2")]
        appender.begin(.append(second), completed: endings.add(2))
        try await eventually("the second is asked for", within: .seconds(60)) {
            try database.count("wait_event_type = 'Lock'") > 0
        }
        _ = try gate.run(Statement("ROLLBACK"), within: .seconds(60))
        try await endings.wait(for: 1)
        _ = try lock.run(Statement("ROLLBACK"), within: .seconds(60))
        try await endings.wait(for: 2)
        guard case .obstructed(let obstacle) = endings.all[0].result else {
            throw TooLate(description: "what the server refused ended with \(endings.all[0])")
        }
        #expect(obstacle.kind == .full)
        guard case .appended(let results, _) = endings.all[1].result else {
            try store.close()
            return .undecided
        }
        guard case .committed(let first) = results[0], case .committed(let last) = results[1] else {
            try store.close()
            return .wrong
        }
        #expect(first.streamVersions == [2])
        #expect(last.streamVersions == [3])
        #expect(try store.versions(of: a) == [1, 2, 3])
        #expect(try store.readLog(after: 0, limit: ReadLimit(events: 10)).map(\.position) == [1, 2, 3])
        guard case .replayed(let outcome) = try store.add(to: a, under: "1") else {
            throw TooLate(description: "the key was executed twice")
        }
        #expect(outcome.commit == first)
        try store.close()
        return .right
    }

    private func decided(_ faults: Faults) async throws -> Ending {
        for _ in 1...5 {
            let ending = try await ending(of: faults)
            if ending != .undecided { return ending }
        }
        return .undecided
    }

    @Test func whatWasAskedMeanwhileIsDecidedOnWhatIsRecorded() async throws {
        #expect(try await decided(Faults()) == .right)
    }

    @Test func whatIsDecidedOnWhatWasRefusedIsNoticed() async throws {
        #expect(try await decided(Faults(decidesOnWhatWasRefused: true)) == .wrong)
    }

    @Test func theSettingsAreAskedForAgainIfTheWriteThatAskedForThemWasRefused() async throws {
        let database = try TestDatabase()
        var timeouts = Timeouts()
        timeouts.settings = .seconds(600)
        let stepped = try SteppedWriter(database, timeouts: timeouts)
        let a = try stream("a")
        let endings = Endings()
        var begun = 0
        func begin(_ type: String) {
            let event = NewEvent(id: .version7(at: .now()), type: type, schemaVersion: 1, data: Array("{}".utf8))
            begun += 1
            stepped.begin(.append([append([event], to: a)]), completed: endings.add(begun))
        }
        /// Whether the transactions under way ask for the settings.
        func asks() -> [Bool] { stepped.writer.line.map { $0.transaction?.settings != nil } }
        begin("Happened")
        try await stepped.end()
        try database.refuseSomeEvents()

        stepped.writer.settingsReadAt -= .seconds(601)
        // What is known of the stream is forgotten with the refusal, so it is asked for first.
        for type in ["Refused", "Happened"] {
            begin(type)
            try await eventually("it is sent", within: .seconds(60)) {
                _ = stepped.writer.takeAnswer()
                return !stepped.writer.line.isEmpty
            }
            #expect(asks() == [true], "\(type)")
            if type == "Happened" {
                // One is enough.
                begin(type)
                #expect(asks() == [true, false])
            }
            try await stepped.end()
        }
        begin("Happened")
        #expect(asks() == [false])
        try await stepped.end()
        for (number, result) in endings.all {
            if case .obstructed(let obstacle) = result, number == 2 {
                #expect(obstacle.kind == .full)
            } else {
                #expect(number != 2 && result.firstResult != nil, "\(number) ended with \(result)")
            }
        }
        stepped.writer.lose("the test is over")
    }
}

extension TestDatabase {
    /// Has the server refuse events of a type, when nobody holds the gate any more.
    fileprivate func refuseSomeEvents() throws {
        try run("CREATE TABLE IF NOT EXISTS public.gate ()")
        // No wait for a lock, which ends after 2 s.
        try run(
            """
            CREATE FUNCTION daybook.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                WHILE EXISTS (SELECT FROM pg_catalog.pg_locks WHERE relation = 'public.gate'::regclass
                    AND mode = 'ShareLock')
                LOOP PERFORM pg_sleep(0.02); END LOOP;
                RAISE EXCEPTION 'no space left on device' USING ERRCODE = '53100';
            END $$
            """)
        try run(
            """
            CREATE TRIGGER refused BEFORE INSERT ON daybook.records FOR EACH ROW WHEN (NEW.type = 'Refused')
            EXECUTE FUNCTION daybook.refuse()
            """)
    }

    /// How many sessions of the database are in a state.
    fileprivate func count(_ state: String) throws -> Int64 {
        let rows = try run(
            """
            SELECT count(*) FROM pg_catalog.pg_stat_activity
            WHERE datname = pg_catalog.current_database() AND \(state)
            """, returning: [.int8])
        return try #require(rows.first?.integer(at: 0))
    }
}

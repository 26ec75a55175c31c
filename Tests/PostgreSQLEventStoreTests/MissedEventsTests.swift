import EventSourcing
import Foundation
import TestSupport
import Testing

@testable import PostgreSQLEventStore

@Suite("What appenders missed does not hold up the writer")
struct MissedEventsTests {
    private func conflict(_ number: Int) throws -> Batch.Conflict {
        Batch.Conflict(
            write: 0, stream: try stream("s\(number)"), expected: .exactly(0), actual: 1)
    }

    @Test func afterAReadThatFailedNothingMoreIsRead() throws {
        var reads = 0
        var missed = MissedEvents(recent: RecentEvents()) { _, _ in
            reads += 1
            throw ConnectionFailure.lost("the test wants it so")
        }
        for number in 1...1024 {
            guard case .conflict(let conflict) = missed.answer([try conflict(number)]) else {
                throw TooLate(description: "no conflict")
            }
            #expect(conflict.streams.map(\.missed) == [[]])
        }
        #expect(reads == 1)
    }

    @Test func noReadBeginsWhenTheTimeOfTheBatchIsOver() throws {
        var limits: [Duration] = []
        var missed = MissedEvents(recent: RecentEvents()) { deadline, _ in
            limits.append(deadline - .now)
            // 50 ms.
            Pause.short()
            return []
        }
        for number in 1...1024 { _ = missed.answer([try conflict(number)]) }
        #expect(1...10 ~= limits.count)
        #expect(limits.allSatisfy { $0 <= MissedEvents.readingLimit })
    }

    @Test func aServerThatDoesNotAnswerLeavesTheLease() async throws {
        let database = try TestDatabase()
        let streams = try (0..<20).map { try stream("s\($0)") }
        let first = try PostgreSQLEventStore(database.string)
        for stream in streams { try first.add(to: stream) }
        try first.close()

        // What was recorded before is not in its memory.
        var timeouts = Timeouts()
        timeouts.commit = .seconds(60)
        timeouts.lookup = .seconds(60)
        let store = try PostgreSQLEventStore(database.string, timeouts: timeouts)
        let appender = store.appender()
        let endings = Endings()
        try database.holdSomeEvents()
        let gate = try database.connect()
        _ = try gate.run(
            [Statement("BEGIN"), Statement("LOCK TABLE public.gate IN SHARE MODE")], within: .seconds(60))
        let held = NewEvent(id: .version7(at: .now()), type: "Held", schemaVersion: 1, data: Array("{}".utf8))
        appender.begin(.append([append([held], to: try stream("held"))]), completed: endings.add(1))
        try await eventually("the first is under way", within: .seconds(60)) {
            try database.run(
                """
                SELECT count(*) FROM pg_catalog.pg_stat_activity
                WHERE datname = pg_catalog.current_database() AND wait_event = 'PgSleep'
                """, returning: [.int8]
            ).first?.integer(at: 0) == 1
        }
        let before = try #require(try database.time())
        let stale = streams.map {
            AppendRequest(writes: [StreamWrite(stream: $0, expected: .exactly(0), events: [event()])])
        }
        appender.begin(.append(stale), completed: endings.add(2))
        var asker: pid_t?
        try await eventually("the second was asked for", within: .seconds(60)) {
            asker = try database.asker(since: before)
            return asker != nil
        }
        let process = try #require(asker)
        #expect(kill(process, SIGSTOP) == 0)
        defer { kill(process, SIGCONT) }
        _ = try gate.run(Statement("ROLLBACK"), within: .seconds(60))
        try await endings.wait(for: 2)
        #expect(appender.lease() != nil)
        guard case .appended(let results, _) = endings.all[1].result else {
            throw TooLate(description: "\(endings.all)")
        }
        #expect(results.count == streams.count)
        for result in results {
            guard case .conflict(let conflict) = result else { throw TooLate(description: "\(result)") }
            #expect(conflict.streams.map(\.actual) == [1])
            #expect(conflict.streams.map(\.missed) == [[]])
        }
        try await eventually("what was missed is told again, over a new connection", within: .seconds(60)) {
            guard case .conflict(let conflict) = try store.append([stale[0]]).results.first else { return false }
            return conflict.streams.first?.missed.count == 1
        }
        try store.close()
    }
}

extension TestDatabase {
    /// Has the server wait with events of a type while somebody holds the gate.
    fileprivate func holdSomeEvents() throws {
        try run("CREATE TABLE IF NOT EXISTS public.gate ()")
        try run(
            """
            CREATE FUNCTION daybook.hold() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                WHILE EXISTS (SELECT FROM pg_catalog.pg_locks WHERE relation = 'public.gate'::regclass
                    AND mode = 'ShareLock')
                LOOP PERFORM pg_sleep(0.02); END LOOP;
                RETURN NEW;
            END $$
            """)
        try run(
            """
            CREATE TRIGGER held BEFORE INSERT ON daybook.records FOR EACH ROW WHEN (NEW.type = 'Held')
            EXECUTE FUNCTION daybook.hold()
            """)
    }

    /// The time by the server's clock.
    fileprivate func time() throws -> Timestamp? {
        try run("SELECT pg_catalog.clock_timestamp()", returning: [.timestamptz]).first?.time(at: 0)
    }

    /// The server's process that has answered what the writer asked after a time, if one has.
    fileprivate func asker(since time: Timestamp) throws -> pid_t? {
        try run(
            """
            SELECT pid::bigint FROM pg_catalog.pg_stat_activity
            WHERE datname = pg_catalog.current_database() AND state = 'idle' AND query_start > $1
                AND query LIKE '%AS asked(stream, hash, number)%'
            """, [.time(time)], returning: [.int8]
        ).first?.integer(at: 0).map { pid_t($0) }
    }
}

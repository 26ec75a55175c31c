import Dispatch
import EventSourcing
import Synchronization
import TestSupport
import Testing

@testable import PostgreSQLEventStore

@Suite("What became of a transaction whose answer did not come is found out")
struct UnknownOutcomeTests {
    @Test func anIdleConnectionThatWasLostIsReplaced() throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        let a = try stream("a")
        for _ in 1...3 {
            try store.add(to: a, under: "same")
            try database.terminateWriter()
            _ = try store.append([append([], to: a, under: "refusal")])
            try database.terminateWriter()
        }
        #expect(try store.versions(of: a) == [1])
        try store.close()
    }

    @Test func aTransactionThatEndedBeforeItsCommitIsRepeated() throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        let a = try stream("a")
        try database.endsAtCommit(times: 1)
        let (results, records) = try store.append([append([event(), event()], to: a, under: "key")])
        #expect(records.count == 2)
        #expect(try store.readLog(after: 0, limit: ReadLimit(events: 10)) == records)
        guard case .committed(let commit) = results[0] else { throw TooLate(description: "not committed") }
        #expect(try store.outcome(of: Array("key".utf8), in: a)?.outcome.commit == commit)
        #expect(try store.head().position == 2)
        try store.close()
    }

    @Test func oneThatEndsEachTimeIsAnObstacleAndLeavesNothing() throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        let a = try stream("a")
        try database.endsAtCommit(times: 2)
        let obstacle = #expect(throws: StoreObstacle.self) { try store.add(to: a) }
        #expect(obstacle?.kind == .unavailable)
        #expect(try store.head().position == 0)
        try store.tryWriting()
        try store.add(to: a)
        #expect(try store.versions(of: a) == [1])
        try store.close()
    }

    @Test func aCommitThatAStandbyDoesNotConfirmIsAcknowledgedOnceItDoes() throws {
        let server = try PostgreSQLServer()
        var timeouts = Timeouts()
        timeouts.commit = .seconds(1)
        timeouts.resolution = .seconds(60)
        let store = try PostgreSQLEventStore(server.local, timeouts: timeouts)
        let a = try stream("a")
        try store.add(to: a)
        let operatorOfServer = try Connection(ConnectionString(server.local))
        try operatorOfServer.nameMissingStandby(server.local)
        let result = Mutex<Result<AppendResult, any Error>?>(nil)
        let group = DispatchGroup()
        DispatchQueue.global().async(group: group) {
            let outcome = Result { try store.add(to: a, under: "key") }
            result.withLock { $0 = outcome }
        }
        // Long after the store gave the connection up.
        #expect(group.wait(timeout: .now() + 3) == .timedOut)
        #expect(try store.head().position == 1)
        try operatorOfServer.set("synchronous_standby_names", to: "")
        group.wait()
        guard case .committed(let commit) = try result.withLock({ try $0?.get() }) else {
            throw TooLate(description: "not committed")
        }
        #expect(commit.position == 2)
        #expect(try store.versions(of: a) == [1, 2])
        try store.add(to: a)
        #expect(try store.versions(of: a) == [1, 2, 3])
        try store.close()
    }

    @Test func aCancelledCommitIsNotAcknowledged() throws {
        let server = try PostgreSQLServer()
        var timeouts = Timeouts()
        timeouts.commit = .seconds(2)
        timeouts.resolution = .seconds(1)
        let store = try PostgreSQLEventStore(server.local, timeouts: timeouts)
        let a = try stream("a")
        try store.add(to: a)
        let operatorOfServer = try Connection(ConnectionString(server.local))
        try operatorOfServer.nameMissingStandby(server.local)
        let hasCancelled = Atomic<Bool>(false)
        let group = DispatchGroup()
        DispatchQueue.global().async(group: group) {
            do {
                while try !operatorOfServer.cancelCommit() { Pause.short() }
                hasCancelled.store(true, ordering: .releasing)
            } catch {
                Issue.record(error)
            }
        }
        // The server answers the cancelled commit as done, with a warning.
        #expect(throws: OutcomeUnknown.self) { try store.add(to: a) }
        group.wait()
        let wasCancelled = hasCancelled.load(ordering: .acquiring)
        #expect(wasCancelled)
        #expect(try store.head().position == 1)
        #expect(throws: OutcomeUnknown.self) { try store.tryWriting() }
        try operatorOfServer.set("synchronous_standby_names", to: "")
        // It is there, and now as durable as all others.
        try store.tryWriting()
        #expect(try store.head().position == 2)
        try store.add(to: a)
        #expect(try store.versions(of: a) == [1, 2, 3])
        try store.close()
    }

    @Test func aDatabaseThatLacksWhatWasAcknowledgedStopsTheStore() throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        let a = try stream("a")
        try store.add(to: a)
        try store.add(to: a)
        let head = try store.head()
        // As on a standby that became the primary without having got the last commit.
        try database.run("DELETE FROM daybook.records WHERE position = 2")
        try database.run("UPDATE daybook.writer SET position = 1, changes = changes - 1")
        try database.terminateWriter()
        let error = #expect(throws: PostgreSQLEventStoreError.self) { try store.add(to: a) }
        #expect(error?.code == .historyLost)
        #expect(error?.description.contains("\(head.hash)") == true)
        #expect(throws: PostgreSQLEventStoreError.self) { try store.tryWriting() }
        try store.close()
    }
}

extension TestDatabase {
    /// Has the server's process end that commits records, at the first `times` commits.
    fileprivate func endsAtCommit(times: Int) throws {
        try run("CREATE SEQUENCE daybook.commits")
        // A number of a sequence is not taken back with its transaction.
        try run(
            """
            CREATE FUNCTION daybook.end_at_commit() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF nextval('daybook.commits') <= \(times) THEN
                    PERFORM pg_terminate_backend(pg_backend_pid());
                    PERFORM pg_sleep(60);
                END IF;
                RETURN NULL;
            END $$
            """)
        try run(
            """
            CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON daybook.records DEFERRABLE INITIALLY DEFERRED
            FOR EACH ROW WHEN (NOT NEW.continues) EXECUTE FUNCTION daybook.end_at_commit()
            """)
    }
}

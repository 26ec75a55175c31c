import EventSourcing
import TestSupport
import Testing

@testable import PostgreSQLEventStore

@Suite("A lock of another session is an obstacle, and the store goes on by itself after it")
struct ForeignLockTests {
    @Test(
        arguments: [
            "SELECT FROM daybook.writer FOR UPDATE", "LOCK TABLE daybook.writer", "LOCK TABLE daybook.records",
        ])
    func whatIsBegunMeanwhileEndsBeforeTheLockDoes(_ lock: String) async throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        let appender = store.appender()
        let a = try stream("a")
        try store.add(to: a)
        let session = try database.connect()
        _ = try session.run([Statement("BEGIN"), Statement(lock)], within: .seconds(60))

        // As many clients make it: two are under way at all times, and each that ends is followed by another.
        let endings = Endings()
        for number in 1...6 {
            if number > 2 { try await endings.wait(for: number - 2) }
            let request = append([event()], to: number % 2 == 0 ? a : try stream("b\(number)"), under: "key \(number)")
            appender.begin(.append([request]), completed: endings.add(number))
        }
        try await endings.wait(for: 6)
        #expect(endings.all.map(\.number) == Array(1...6))
        for (number, result) in endings.all {
            guard case .obstructed(let obstacle) = result else {
                throw TooLate(description: "write \(number) ended with \(result)")
            }
            #expect(obstacle.kind == .busy || obstacle.kind == .unavailable)
        }

        _ = try session.run(Statement("ROLLBACK"), within: .seconds(60))
        try await eventually("the store takes writes again", within: .seconds(60)) {
            do {
                try store.tryWriting()
                return true
            } catch is StoreObstacle {
                return false
            }
        }
        try store.add(to: a, under: "key 2")
        #expect(try store.versions(of: a) == [1, 2])
        #expect(try store.head().position == 2)
        try store.close()
    }
}

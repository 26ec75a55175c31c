import EventSourcing
import TestSupport
import Testing

@testable import PostgreSQLEventStore

@Suite("Nothing is read from a server that lacks what is durable")
struct LaggingServerTests {
    @Test func whatWasReadThereIsUnavailable() throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        try store.add(to: stream("a"))
        try store.close()
        let string = try ConnectionString(database.string)
        let limit = Duration.seconds(60)
        let row = try #require(
            try database.run("SELECT position, changes, epoch FROM daybook.writer", returning: [.int8, .int8, .int8])
                .first)
        let position = try #require(row.ordinal(at: 0))
        let change = try #require(row.integer(at: 1))
        let epoch = try #require(row.integer(at: 2))

        let connection = try ServerSession.openReader(string, epoch: epoch, within: limit)
        let reached = ReadBound(position: position, change: change)
        #expect(try reached.reading(connection, string, within: limit) { 1 } == 1)
        for bound in [
            ReadBound(position: position + 1, change: change), ReadBound(position: position, change: change + 1),
        ] {
            let connection = try ServerSession.openReader(string, epoch: epoch, within: limit)
            let obstacle = #expect(throws: StoreObstacle.self) {
                try bound.reading(connection, string, within: limit) {
                    throw PostgreSQLEventStoreError(.damaged, "what is missing")
                }
            }
            #expect(obstacle?.kind == .unavailable)
            // Nobody reads there again.
            #expect(connection.isLost)
        }
    }

    @Test func whatWasReadThereIsUnavailableThoughTheConnectionIsLostMeanwhile() throws {
        let database = try TestDatabase()
        try PostgreSQLEventStore(database.string).close()
        let string = try ConnectionString(database.string)
        let limit = Duration.seconds(60)
        let one = Statement("SELECT 1::bigint", returning: [.int8])
        for position: UInt64 in [0, 1] {
            let connection = try database.connect()
            let result = Result {
                try ReadBound(position: position, change: 0).reading(connection, string, within: limit) {
                    let value = try connection.run(one, within: limit).first?.integer(at: 0)
                    // As if the server had ended it behind its answer.
                    _ = connection.lose("the test wants it so")
                    return value
                }
            }
            if position == 0 {
                #expect(try result.get() == 1)
            } else {
                let obstacle = #expect(throws: StoreObstacle.self) { _ = try result.get() }
                #expect(obstacle?.kind == .unavailable)
            }
        }
        // What was met before an answer came says more.
        let connection = try database.connect()
        let failure = #expect(throws: ConnectionFailure.self) {
            try ReadBound(position: 0, change: 0).reading(connection, string, within: limit) {
                throw connection.lose("the test wants it so")
            }
        }
        #expect(failure?.description == "the test wants it so")
    }

    @Test func aLogThatEndsTooEarlyIsNotTakenForTheWhole() throws {
        let database = try TestDatabase()
        let store = try PostgreSQLEventStore(database.string)
        try store.add(to: stream("a"))
        let reader = LogReader(
            connection: try database.connect(), logID: store.logID, slots: IndexSlot(salt: []),
            bound: ReadBound(position: 2, change: .max), limit: .seconds(60))
        for position: UInt64 in 0...1 {
            let obstacle = #expect(throws: StoreObstacle.self) {
                try reader.readLog(after: position, limit: ReadLimit(events: 10)) { _ in }
            }
            #expect(obstacle?.kind == .unavailable)
        }
        try reader.readLog(after: 2, limit: ReadLimit(events: 10)) { _ in }
        try store.close()
    }
}

import EventSourcing
import TestSupport

@testable import PostgreSQLEventStore

/// A writer whose steps a test makes, in place of a thread: what is sent is answered only when the test takes it in.
final class SteppedWriter {
    let writer: Writer
    let state: LeadState

    /// Opens the log of a database.
    init(_ database: TestDatabase, timeouts: Timeouts = Timeouts(), faults: Faults = Faults()) throws {
        let opened = try PostgreSQLOpening(database.string, standby: false, timeouts: timeouts, faults: faults).opened()
        state = LeadState(
            opened.lead, head: opened.head, opened.durability, hasEndlessLease: faults.hasEndlessLease)
        writer = Writer(opened, state, WriterInbox(opened.wakeUp))
    }

    /// Begins a write, and sends it if nothing must be asked for it first.
    func begin(_ write: StoreWrite, completed: @escaping @Sendable (StoreWriteResult) -> Void) {
        writer.inbox.begin(write, completed: completed)
        writer.queue += writer.inbox.take()
        writer.work()
    }

    /// Takes in what the server answers until all that was begun has ended.
    func end() async throws {
        try await eventually("all writes have ended", within: .seconds(60)) {
            writer.work()
            _ = writer.progress()
            return writer.queue.isEmpty && writer.question == nil && writer.line.isEmpty
        }
    }
}

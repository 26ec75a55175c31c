internal import EventSourcing
internal import GRDB
internal import Synchronization

/// The ends of streams, for the writer and the readers: those that changed lately from memory, the others from the table.
final class StreamHeads: Sendable {
    private struct Recent {
        /// What changed since the older began to be written down.
        var young: [StreamID: StreamHead]
        /// What is being written down.
        var old: [StreamID: StreamHead] = [:]
    }

    private let recent: Mutex<Recent>

    /// Reads what was appended since the table was written.
    init(_ database: Database) throws {
        recent = Mutex(Recent(young: try StreamHeadTable.newer(database)))
    }

    /// The end of a stream, where it changed lately.
    ///
    /// A reader asks before its view of the file begins: the view then holds at least what the end speaks of; and what is
    /// not known here is in the table of that view.
    func recent(_ stream: StreamID) -> StreamHead? {
        recent.withLock { $0.young[stream] ?? $0.old[stream] }
    }

    /// The end of a stream, for the writer.
    func head(of stream: StreamID, _ database: Database) throws -> StreamHead {
        try recent(stream) ?? StreamHeadTable.load(stream, from: database)
    }

    /// What changed is durable.
    ///
    /// - Returns: how many streams have changed since ``takeOld()``.
    func note(_ changed: [StreamID: StreamHead]) -> Int {
        recent.withLock { recent in
            recent.young.merge(changed) { $1 }
            return recent.young.count
        }
    }

    /// What changed and is to be written down now. Readers know it until the next call.
    func takeOld() -> [StreamID: StreamHead] {
        recent.withLock { recent in
            recent.old = recent.young
            recent.young = [:]
            return recent.old
        }
    }

    /// What was taken is in the table.
    func forgetOld() { recent.withLock { $0.old = [:] } }
}

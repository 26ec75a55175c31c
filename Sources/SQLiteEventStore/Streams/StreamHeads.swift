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
        /// The position up to which all this is known.
        var until: UInt64
    }

    private let recent: Mutex<Recent>

    /// Reads what was appended since the table was written.
    init(_ database: Database) throws {
        let last = try Int64.fetchOne(database, sql: "SELECT max(position) FROM events") ?? 0
        recent = Mutex(Recent(young: try StreamHeadTable.newer(database), until: UInt64(clamping: last)))
    }

    /// What is known of a stream at a moment.
    struct Knowledge {
        /// Its end, where it changed lately.
        let head: StreamHead?
        /// The position up to which that is so.
        let until: UInt64
    }

    /// What is known of a stream now.
    ///
    /// A reader asks before its view of the file begins: the view then holds at least what the end speaks of; and what is
    /// not known here is in the table of that view. See ``head(of:_:_:)``.
    func knowledge(of stream: StreamID) -> Knowledge {
        recent.withLock { Knowledge(head: $0.young[stream] ?? $0.old[stream], until: $0.until) }
    }

    /// The end of a stream in a reader's view, which began after it asked what is known.
    static func head(of stream: StreamID, _ known: Knowledge, _ database: Database) throws -> StreamHead {
        let head = try known.head ?? StreamHeadTable.load(stream, from: database)
        // What was committed since, also where the writer has not come to tell of it.
        return try StreamHeadTable.newest(of: stream, after: known.until, database) ?? head
    }

    /// The end of a stream, for the writer.
    func head(of stream: StreamID, _ database: Database) throws -> StreamHead {
        try knowledge(of: stream).head ?? StreamHeadTable.load(stream, from: database)
    }

    /// What changed is durable, up to a position.
    ///
    /// - Returns: how many streams have changed since ``takeOld()``.
    func note(_ changed: [StreamID: StreamHead], upTo position: UInt64) -> Int {
        recent.withLock { recent in
            recent.young.merge(changed) { $1 }
            recent.until = position
            return recent.young.count
        }
    }

    /// What changed and is to be written down now. Readers know it until the next call.
    func takeOld() -> [StreamID: StreamHead] {
        recent.withLock { recent in
            recent.old = recent.young
            recent.young = Dictionary(minimumCapacity: recent.old.count)
            return recent.old
        }
    }

    /// What was taken is in the table.
    func forgetOld() { recent.withLock { $0.old = [:] } }
}

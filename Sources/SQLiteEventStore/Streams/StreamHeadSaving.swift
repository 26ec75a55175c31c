internal import Dispatch
internal import EventSourcing
internal import GRDB
internal import Synchronization

/// Writes the ends of streams into their table: late, in the order of the table, and a few with each batch; so that an
/// event costs a part of a page there, not a page of its own, and no batch waits for many. After a crash, what was not
/// written down is found in the events since.
struct StreamHeadSaving {
    /// When changes are written down.
    struct Limits {
        /// The streams that change before that.
        var streams = 131_072
        /// The events that are appended before that. Twice as many at most are read again when the log is opened, about
        /// a million in a second.
        var events: UInt64 = 524_288
    }

    private typealias End = (stream: StreamID, head: StreamHead)

    /// How many ends are written down with each event that is appended.
    private static let savedWithAnEvent = 4
    /// More than this are put in order on another thread: the writer would be held up for as long as many flushes take.
    private static let mostSortedAtOnce = 1024

    private let heads: StreamHeads
    private let limits: Limits
    /// What is left to be written down, last first.
    private var unsaved: [End] = []
    /// How many of them the transaction under way has written down.
    private var written = 0
    /// What is being put in order, and comes here when it is.
    private let sorted = Sorted()
    private var isSorting = false
    /// The position up to which everything is in the table once that is done.
    private var until: UInt64

    private final class Sorted: Sendable {
        let ends = Mutex<[End]?>(nil)
    }

    /// Goes on from what the table has.
    init(_ heads: StreamHeads, _ limits: Limits, _ database: Database) throws {
        self.heads = heads
        self.limits = limits
        until = try StreamHeadTable.until(database)
    }

    /// Writes down some, within the transaction of a batch of so many events. They count as written once
    /// ``committed(_:upTo:)`` is called; if the transaction is rolled back, they are written down with a later one.
    mutating func save(with events: Int, _ database: Database) throws {
        written = 0
        if isSorting, let ends = sorted.ends.withLock({ $0.take() }) {
            isSorting = false
            unsaved = ends
        }
        guard !unsaved.isEmpty else { return }
        let count = min(events * Self.savedWithAnEvent, unsaved.count)
        for (stream, head) in unsaved.suffix(count).reversed() {
            try StreamHeadTable.save(stream, head, database)
        }
        if count == unsaved.count { try StreamHeadTable.setUntil(until, database) }
        written = count
    }

    /// The batch is durable, up to a position, and has changed these streams.
    mutating func committed(_ changed: [StreamID: StreamHead], upTo position: UInt64) {
        unsaved.removeLast(written)
        written = 0
        let count = heads.note(changed, upTo: position)
        guard unsaved.isEmpty, !isSorting else { return }
        heads.forgetOld()
        guard count >= limits.streams || position - until >= limits.events else { return }
        until = position
        sort(heads.takeOld())
    }

    private mutating func sort(_ ends: [StreamID: StreamHead]) {
        @Sendable func sorted() -> [End] {
            ends.map { ($0.key, $0.value) }
                .sorted { ($0.stream.category, $0.stream.name) > ($1.stream.category, $1.stream.name) }
        }
        guard ends.count > Self.mostSortedAtOnce else { return unsaved = sorted() }
        isSorting = true
        let place = self.sorted
        DispatchQueue.global(qos: .utility).async {
            let ends = sorted()
            place.ends.withLock { $0 = ends }
        }
    }
}

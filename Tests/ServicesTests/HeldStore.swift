import Dispatch
import EventSourcing
import SQLiteEventStore
import Synchronization

/// A store like one that is far away: it writes on a thread of its own, two writes at a time, when the test lets it. What it
/// keeps is kept by SQLite.
final class HeldStore: EventStore {
    let inner: SQLiteEventStore
    let writes: HeldAppender
    /// Called within each read of a stream.
    let whenRead = Mutex<(@Sendable () -> Void)?>(nil)

    init(path: String) throws {
        inner = try SQLiteEventStore(path: path)
        writes = HeldAppender(to: inner)
    }

    func appender() -> any EventAppender { writes }

    var logID: UniqueID { inner.logID }
    func head() throws -> LogHead { try inner.head() }
    func append(_ requests: [AppendRequest]) throws -> (results: [AppendResult], records: [RecordedEvent]) {
        try inner.append(requests)
    }
    func readLog(after position: UInt64, limit: ReadLimit, _ body: (RecordView) throws -> Void) throws {
        try inner.readLog(after: position, limit: limit, body)
    }
    func readStream(_ stream: StreamID, after version: UInt64, limit: ReadLimit) throws -> StreamSlice {
        defer { whenRead.withLock { $0 }?() }
        return try inner.readStream(stream, after: version, limit: limit)
    }
    func outcome(of key: [UInt8], in scope: StreamID) throws -> (fingerprint: Digest256, outcome: KeyedOutcome)? {
        try inner.outcome(of: key, in: scope)
    }
    func keep(_ snapshots: [Snapshot]) throws -> [Bool] { try inner.keep(snapshots) }
    func dropSnapshot(of stream: StreamID, fingerprint: Digest256, version: UInt64) throws {
        try inner.dropSnapshot(of: stream, fingerprint: fingerprint, version: version)
    }
    func snapshot(of stream: StreamID, fingerprint: Digest256, atMost version: UInt64) throws -> Snapshot? {
        try inner.snapshot(of: stream, fingerprint: fingerprint, atMost: version)
    }
    func version(of stream: StreamID, at time: Timestamp) throws -> UInt64 { try inner.version(of: stream, at: time) }
    func tryWriting() throws { try inner.tryWriting() }
    func usage() throws -> StoreUsage { try inner.usage() }
    func close() throws { try inner.close() }
}

/// Carries writes out in their order as the test lets it, or with the result that the test wants.
final class HeldAppender: EventAppender {
    private struct Held {
        let write: StoreWrite
        let completed: @Sendable (StoreWriteResult) -> Void
    }

    private struct State {
        var held: [Held] = []
        var isHolding = false
        var lease: StoreLease? = StoreLease(epoch: 7, end: nil)
        var delay: String?
        var ended: (@Sendable (any Error) -> Void)?
        var end: (any Error)?
        var begun: [String] = []
    }

    private let inner: BlockingAppender
    private let thread = DispatchQueue(label: "held-appender")
    private let state = Mutex(State())

    init(to store: any EventStore) { inner = BlockingAppender(to: store) }

    let maxWritesUnderWay = 2

    func begin(_ write: StoreWrite, completed: @escaping @Sendable (StoreWriteResult) -> Void) {
        let isHeld = state.withLock { state in
            state.begun.append(Self.name(of: write))
            state.held.append(Held(write: write, completed: completed))
            return state.isHolding
        }
        if !isHeld { release() }
    }

    func lease() -> StoreLease? { state.withLock { $0.lease } }
    var delay: String? { state.withLock { $0.delay } }
    func whenEnded(_ body: @escaping @Sendable (any Error) -> Void) {
        let end = state.withLock { state in
            state.ended = body
            return state.end
        }
        if let end { body(end) }
    }

    // MARK: for the test

    /// What was begun, in order: `append 3` for three requests, `keep 2`, `drop`, `probe`.
    var begun: [String] { state.withLock { $0.begun } }
    /// How many writes are under way.
    var countUnderWay: Int { state.withLock { $0.held.count } }

    func hold() { state.withLock { $0.isHolding = true } }
    func setLease(_ lease: StoreLease?) { state.withLock { $0.lease = lease } }
    func setDelay(_ delay: String?) { state.withLock { $0.delay = delay } }

    /// Lets the oldest write go on; with a result, it is not carried out but ends so.
    func release(with result: StoreWriteResult? = nil) {
        guard let next = state.withLock({ $0.held.isEmpty ? nil : $0.held.removeFirst() }) else { return }
        thread.async { [inner] in
            if let result { return next.completed(result) }
            inner.begin(next.write, completed: next.completed)
        }
    }

    /// Has the newest write end with a result, before those that were begun earlier.
    func endNewest(with result: StoreWriteResult) {
        guard let newest = state.withLock({ $0.held.popLast() }) else { return }
        thread.async { newest.completed(result) }
    }

    /// Lets all go on from now on.
    func releaseAll() {
        state.withLock { $0.isHolding = false }
        while countUnderWay > 0 { release() }
    }

    /// The store ends by itself.
    func end(by error: any Error) {
        let ended = state.withLock { state in
            state.end = error
            return state.ended
        }
        ended?(error)
    }

    private static func name(of write: StoreWrite) -> String {
        switch write {
        case .append(let requests): "append \(requests.count)"
        case .keep(let snapshots): "keep \(snapshots.count)"
        case .drop: "drop"
        case .probe: "probe"
        }
    }
}

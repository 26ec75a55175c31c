internal import EventLogProtocol
public import EventSourcing
internal import ServiceSupport

/// The whole log in order, part by part: from memory where it is held, else from the log itself.
///
/// A log that is restored from a backup goes back, and may go on with another history. Who reads part by part holds a
/// ``Place`` and learns of it.
public struct EventSource: Sendable {
    /// How far a reader has come in one history of the log.
    public struct Place: Hashable, Sendable {
        /// The log.
        public let logID: UniqueID
        /// The position of the last record read.
        public internal(set) var position: UInt64
        /// The hash there.
        public internal(set) var hash: Digest256
        /// Another one once the query service has noticed that the log went back.
        let generation: UInt64

        /// The point by which a client names the place.
        public var point: HistoryPoint { HistoryPoint(position: position, hash: hash) }
    }

    /// The longest time that a record is waited for which the log has and the query service has not.
    private static let longestWait = Duration.seconds(2)

    private let host: ProjectionHost<RecentEvents>
    private let log: LogAccess

    /// A source of events from the newest ones and the log.
    public init(_ host: ProjectionHost<RecentEvents>, log: LogAccess) {
        self.host = host
        self.log = log
    }

    /// Where a reader begins.
    ///
    /// - Parameters:
    ///   - point: the point that the reader holds; nil: it begins with what comes.
    ///   - view: what the reader may see: it is not told the hash of another record.
    /// - Throws: `Problem` 400 `position-beyond-head` if the log ends before the point, 409 `another-history` if the log
    ///   has another record there, 503 if neither can be told now.
    public func place(at point: HistoryPoint?, for view: LogView = .whole) async throws -> Place {
        if let point, point.position > host.status.position { try await waitForPosition(point.position) }
        let position = point?.position
        let reading = try await read { recent, _ in position.flatMap { recent.hash(at: $0) } }
        guard let logID = reading.logID, let headHash = reading.hash else { throw HistoryProblems.goneBack }
        guard let point, point.position != reading.position || point.hashPrefix != nil else {
            return Place(
                logID: logID, position: reading.position, hash: headHash, generation: reading.generation)
        }
        guard point.position <= reading.position else { throw HistoryProblems.goneBack }
        let hash: Digest256
        if point.position == reading.position {
            hash = headHash
        } else if let held = reading.value {
            hash = held
        } else if point.position == 0 {
            hash = HashChain.genesis(of: logID)
        } else if let record = try await log.readLog(after: point.position - 1, limit: 1).first {
            hash = record.hash
        } else {
            throw HistoryProblems.goneBack
        }
        if let prefix = point.hashPrefix, prefix != hash.words.0 {
            throw HistoryProblems.anotherHistory(point, view.isWhole ? hash : nil)
        }
        return Place(logID: logID, position: point.position, hash: hash, generation: reading.generation)
    }

    /// The records that follow on a place up to a position, at most `limit`, and maybe fewer; the place moves to the last
    /// of them.
    ///
    /// - Returns: nil if the log went back, so that the place is not in its history any more, or may not be.
    public func records(
        after place: inout Place, upTo last: UInt64, limit: Int
    ) async throws -> [RecordedEvent]? {
        guard place.position < last else { return [] }
        let wanted = Int(clamping: min(UInt64(limit), last - place.position))
        let position = place.position
        let held = try await read { recent, _ in recent.records(after: position, limit: wanted) }
        // What is held in memory was proved to be one chain; it need only follow on the place.
        let (records, proved): ([RecordedEvent], Int) =
            switch held.value {
            case .records(let records): (records, 1)
            case .older: (try await log.readLog(after: position, limit: wanted), wanted)
            }
        guard isCurrent(place), let end = records.last else { return nil }
        var hash = place.hash
        for (record, position) in zip(records.prefix(proved), (position + 1)...) {
            guard record.position == position,
                HashChain.hash(of: record, after: hash, in: place.logID) == record.hash
            else { return nil }
            hash = record.hash
        }
        place.position = end.position
        place.hash = end.hash
        return records
    }

    /// Whether a place is in the log's history, as far as the query service knows by now.
    func isCurrent(_ place: Place) -> Bool { host.status.generation == place.generation }

    /// Waits until there is a record after a position.
    ///
    /// - Returns: the last position that there is; nil where none came in time.
    public func waitForRecord(after position: UInt64, patience: Duration) async throws -> UInt64? {
        // After the last position that can be nothing ever comes.
        let next = position == .max ? position : position + 1
        do {
            return try await host.read(atLeast: next, patience: patience) { _, position in position }.value
        } catch ProjectionHost<RecentEvents>.ReadFailure.notCaughtUp {
            return nil
        }
    }

    /// Waits for a position that the query service has not come to; only the log itself knows whether it has it.
    private func waitForPosition(_ position: UInt64) async throws {
        let head = try await log.head()
        guard position <= head else { throw HistoryProblems.beyondHead(position, head: head) }
        do {
            _ = try await host.read(atLeast: position, patience: Self.longestWait) { _, _ in }
        } catch is ProjectionHost<RecentEvents>.ReadFailure {
            throw HistoryProblems.notCaughtUp(position)
        }
    }

    private func read<Value: Sendable>(
        _ body: @Sendable (borrowing RecentEvents, UInt64) throws -> Value
    ) async throws -> ProjectionHost<RecentEvents>.Reading<Value> {
        do {
            return try await host.read(atLeast: 0, patience: Self.longestWait, body)
        } catch is ProjectionHost<RecentEvents>.ReadFailure {
            // While the log is projected anew.
            throw HistoryProblems.goneBack
        }
    }
}

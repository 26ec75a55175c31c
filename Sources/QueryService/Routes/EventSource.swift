public import EventSourcing

/// The whole log in order, part by part: from memory where it is held, else from the log itself.
public struct EventSource: Sendable {
    private let host: ProjectionHost<RecentEvents>
    private let log: LogAccess

    /// A source of events from the newest ones and the log.
    public init(_ host: ProjectionHost<RecentEvents>, log: LogAccess) {
        self.host = host
        self.log = log
    }

    /// Changes when the log turns out to be another one, or to have gone back.
    var generation: UInt64 { host.status.generation }

    /// The records after a position and up to another, at most `limit`, and maybe fewer.
    public func records(
        after position: UInt64, upTo last: UInt64, limit: Int
    ) async throws -> [RecordedEvent] {
        guard position < last else { return [] }
        let wanted = Int(clamping: min(UInt64(limit), last - position))
        let held = try await host.read(atLeast: 0, patience: .seconds(2)) { recent, _ in
            recent.records(after: position, limit: wanted)
        }
        switch held.value {
        case .records(let records): return records
        case .older: return try await log.readLog(after: position, limit: wanted)
        }
    }

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
}

internal import EventSourcing
internal import Hummingbird
internal import QueryService

/// The events of one account: the newest from memory, older ones from the log.
struct AccountHistory: Sendable {
    private let stream: StreamID
    private let recent: QueryAccess<RecentEvents>
    private let log: LogAccess
    private let request: Request
    private let parameters: [String: String]

    /// - Parameters:
    ///   - request: tells how fresh the answer must be.
    ///   - parameters: those of the request.
    init(
        of stream: StreamID, recent: QueryAccess<RecentEvents>, log: LogAccess, _ request: Request,
        _ parameters: [String: String]
    ) {
        self.stream = stream
        self.recent = recent
        self.log = log
        self.request = request
        self.parameters = parameters
    }

    /// The events after a version and up to another, oldest first, at most `limit`; fewer only if there are fewer.
    func records(after version: UInt64, upTo last: UInt64, limit: Int) async throws -> [RecordedEvent] {
        guard version < last else { return [] }
        let wanted = Int(clamping: min(UInt64(limit), last - version))
        let held = try await recent.read(request, parameters) { [stream] in
            $0.records(of: stream, after: version, upTo: last, limit: wanted)
        }
        switch held.value {
        case .records(let records): return records
        case .older: return try await log.readStream(stream, after: version, limit: wanted)
        }
    }
}

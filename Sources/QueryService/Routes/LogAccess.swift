internal import EventLogProtocol
public import EventSourcing
internal import HTTPTypes
public import ServiceSupport

/// The log, for what projections do not hold.
///
/// Every call throws ``Problem`` 503 `log-unavailable` where the log does not answer.
public struct LogAccess: Sendable {
    let client: EventLogClient
    let snapshots: SnapshotTrust

    /// Reads a stream in order from the event after a version, at most `limit` events.
    public func readStream(
        _ stream: StreamID, after version: UInt64, limit: Int
    ) async throws(Problem) -> [RecordedEvent] {
        var events: [RecordedEvent] = []
        while events.count < limit {
            let after = version + UInt64(events.count)
            let rest = limit - events.count
            let slice = try await answered { () throws(EventLogError) in
                try await client.readStream(stream, after: after, limit: ReadLimit(events: rest))
            }
            if slice.events.isEmpty { break }
            events += slice.events
        }
        return events
    }

    /// Reads the log in order from the record after a position, at most `limit` records, and maybe fewer.
    public func readLog(after position: UInt64, limit: Int) async throws(Problem) -> [RecordedEvent] {
        try await answered { () throws(EventLogError) in
            try await client.readLog(after: position, limit: ReadLimit(events: limit)).records
        }
    }

    /// The log's last position.
    public func head() async throws(Problem) -> UInt64 {
        try await answered { () throws(EventLogError) in try await client.status().head.position }
    }

    /// How many events of a stream were recorded at a time or before it.
    public func version(of stream: StreamID, at time: Timestamp) async throws(Problem) -> UInt64 {
        try await answered { () throws(EventLogError) in try await client.version(of: stream, at: time) }
    }

    /// An aggregate as it was at a version, folded from the nearest snapshot that is believed.
    ///
    /// - Throws: also ``RevisionError`` where its history cannot be folded.
    public func aggregate<State: SnapshottableAggregate>(
        _ stream: StreamID, as _: State.Type, at version: UInt64
    ) async throws -> Revision<State> {
        do throws(AggregateLoadError) {
            let loader = AggregateLoader(client: client, signer: SnapshotSigner<State>(snapshots.key))
            let loaded = try await loader.load(stream, upTo: version)
            if loaded.unbelieved != nil { snapshots.noteUnbelieved() }
            return loaded.revision
        } catch {
            switch error {
            case .log: throw Self.unavailable
            case .history(let error): throw error
            }
        }
    }

    private func answered<Value>(_ body: () async throws(EventLogError) -> Value) async throws(Problem) -> Value {
        do throws(EventLogError) {
            return try await body()
        } catch {
            throw Self.unavailable
        }
    }

    private static let unavailable = Problem(
        .serviceUnavailable, "log-unavailable", title: "Event log unavailable",
        detail: "what was asked for is read from the event log, which does not answer; ask again later",
        headers: [.retryAfter: "1"])
}

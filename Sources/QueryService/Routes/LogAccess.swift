internal import EventLogProtocol
public import EventSourcing
internal import HTTPTypes
internal import ServiceSupport

/// The log, for what projections do not hold.
public struct LogAccess: Sendable {
    let client: EventLogClient

    /// Reads a stream in order from the event after a version, at most `limit` events.
    ///
    /// - Throws: ``Problem`` 503 where the log does not answer.
    public func readStream(
        _ stream: StreamID, after version: UInt64, limit: Int
    ) async throws -> [RecordedEvent] {
        var events: [RecordedEvent] = []
        while events.count < limit {
            let after = version + UInt64(events.count)
            let slice = try await answered { () throws(EventLogError) in
                try await client.readStream(stream, after: after, limit: ReadLimit(events: limit - events.count))
            }
            if slice.events.isEmpty { break }
            events += slice.events
        }
        return events
    }

    /// Reads the log in order from the record after a position, at most `limit` records, and maybe fewer.
    ///
    /// - Throws: ``Problem`` 503 where the log does not answer.
    public func readLog(after position: UInt64, limit: Int) async throws -> [RecordedEvent] {
        try await answered { () throws(EventLogError) in
            try await client.readLog(after: position, limit: ReadLimit(events: limit)).records
        }
    }

    private func answered<Value>(_ body: () async throws(EventLogError) -> Value) async throws(Problem) -> Value {
        do throws(EventLogError) {
            return try await body()
        } catch {
            throw Problem(
                .serviceUnavailable, "log-unavailable", title: "Event log unavailable",
                detail: "what was asked for is read from the event log, which does not answer; ask again later",
                headers: [.retryAfter: "1"])
        }
    }
}

public import EventLogProtocol
public import EventSourcing
internal import HTTPTypes
public import Hummingbird
internal import ServiceSupport

/// What the routes of a read model work with: the projection, and the log for what the projection no longer holds.
public struct QueryAccess<Model: Projection & Sendable>: Sendable {
    /// The parameters that every query may have.
    public static var freshnessParameters: Set<String> { ["min_position", "wait"] }

    private static var longestWait: Duration { .seconds(60) }

    private let host: ProjectionHost<Model>
    private let client: EventLogClient

    /// Access to a projection and its log.
    public init(host: ProjectionHost<Model>, client: EventLogClient) {
        self.host = host
        self.client = client
    }

    /// Answers a query from the projection, at the position that the request demands or later, and says at which.
    ///
    /// - Parameters:
    ///   - parameters: the request's query parameters.
    ///   - body: makes the answer from the projection, which is locked meanwhile: it must be quick.
    /// - Throws: ``Problem`` 503 `not-caught-up` where the position is not reached in the time that the request gives.
    public func read<Result: Sendable>(
        _ request: Request, _ parameters: [String: String],
        _ body: @Sendable (borrowing Model) throws -> Result
    ) async throws -> (result: Result, position: UInt64) {
        let name = HTTPField.Name.daybookMinPosition
        let fromHeader = try ParameterReading.integer(name.rawName, request.headers[name], in: 0...UInt64.max) ?? 0
        let fromQuery =
            try ParameterReading.integer("min_position", parameters["min_position"], in: 0...UInt64.max) ?? 0
        let patience =
            try ParameterReading.duration("wait", parameters["wait"], longest: Self.longestWait) ?? .seconds(2)
        let minimum = max(fromHeader, fromQuery)
        do {
            return try await host.read(atLeast: minimum, patience: patience) { model, position in
                (result: try body(model), position: position)
            }
        } catch let failure as ProjectionHost<Model>.ReadFailure {
            throw Self.problem(for: failure, minimum: minimum)
        }
    }

    /// Reads a stream from the log.
    ///
    /// - Throws: ``Problem`` 503 where the log does not answer.
    public func readStream(
        _ stream: StreamID, after version: UInt64, limit: Int
    ) async throws -> [RecordedEvent] {
        do throws(EventLogError) {
            var events: [RecordedEvent] = []
            while events.count < limit {
                let slice = try await client.readStream(
                    stream, after: version + UInt64(events.count), limit: ReadLimit(events: limit - events.count))
                if slice.events.isEmpty { break }
                events += slice.events
            }
            return events
        } catch {
            throw Problem(
                .serviceUnavailable, "log-unavailable", title: "Event log unavailable",
                detail: "the events asked for are read from the event log, which does not answer; ask again later",
                headers: [.retryAfter: "1"])
        }
    }

    private static func problem(for failure: ProjectionHost<Model>.ReadFailure, minimum: UInt64) -> Problem {
        switch failure {
        case .notCaughtUp(let position):
            Problem(
                .serviceUnavailable, "not-caught-up", title: "Not caught up",
                detail: "position \(minimum) was asked for, position \(position) is reached; ask again later",
                headers: [.retryAfter: "1", .daybookPosition: String(position)])
        }
    }
}

internal import EventLogProtocol
public import EventSourcing
public import HTTPTypes
public import Hummingbird
internal import ServiceSupport
internal import Synchronization

/// Reads a projection for a query, as fresh as the query demands.
public struct QueryAccess<Model: Projection>: Sendable {
    /// The parameters that every query may have.
    public static var freshnessParameters: Set<String> { ["min_position", "wait"] }

    private static var longestWait: Duration { .seconds(60) }

    private let host: ProjectionHost<Model>

    /// Access to a projection.
    public init(_ host: ProjectionHost<Model>) {
        self.host = host
    }

    /// Reads the projection at the position that the request demands or later.
    ///
    /// - Parameters:
    ///   - parameters: the request's query parameters.
    ///   - body: makes the answer from the projection, which is locked meanwhile: it must be quick.
    /// - Throws: ``Problem`` 503 `not-caught-up` where the position is not reached in the time that the request gives,
    ///   503 `overloaded` where too many wait.
    public func read<Value: Sendable>(
        _ request: Request, _ parameters: [String: String],
        _ body: @Sendable (borrowing Model) throws -> Value
    ) async throws -> ProjectionHost<Model>.Reading<Value> {
        let name = HTTPField.Name.daybookMinPosition
        let fromHeader = try ParameterReading.integer(name.rawName, request.headers[name], in: 0...UInt64.max) ?? 0
        let fromQuery =
            try ParameterReading.integer("min_position", parameters["min_position"], in: 0...UInt64.max) ?? 0
        let wait = try ParameterReading.duration("wait", parameters["wait"], longest: Self.longestWait) ?? .seconds(2)
        let waitName = HTTPField.Name.daybookWait
        let left = try ParameterReading.duration(
            waitName.rawName, request.headers[waitName], longest: Self.longestWait)
        let patience = min(wait, left ?? wait)
        let client = ClientPresence.current
        let minimum = max(fromHeader, fromQuery)
        do {
            return try await host.read(
                atLeast: minimum, patience: patience, whenWaiting: { client?.whenClientLeaves($0) }
            ) { model, _ in try body(model) }
        } catch let failure as ProjectionHost<Model>.ReadFailure {
            throw problem(for: failure, minimum: minimum)
        }
    }

    /// Answers a query; a refusal, too, states the position and the log that it reflects.
    public func stating(_ answer: () async throws -> Response) async throws -> Response {
        do {
            return try await answer()
        } catch let problem as Problem {
            guard problem.headers[.daybookPosition] == nil else { throw problem }
            throw Problem(
                problem.status, problem.name, title: problem.title, detail: problem.detail, members: problem.members,
                headers: problem.headers.merging(host.freshness))
        }
    }

    private func problem(for failure: ProjectionHost<Model>.ReadFailure, minimum: UInt64) -> Problem {
        switch failure {
        case .notCaughtUp(let position):
            Problem(
                .serviceUnavailable, "not-caught-up", title: "Not caught up",
                detail: "position \(minimum) was asked for, position \(position) is reached; ask again later",
                headers: ([.retryAfter: "1"] as HTTPFields).merging(host.freshness))
        case .overloaded:
            Problem(
                .serviceUnavailable, "overloaded", title: "Overloaded",
                detail: "more queries wait for a position than the service takes; ask again later",
                headers: [.retryAfter: "1"])
        }
    }
}

extension ProjectionHost.Reading {
    /// The header fields that tell how fresh the answer is.
    public var headers: HTTPFields { freshnessFields(position, logID, isStale: isStale) }
}

extension ProjectionHost {
    /// The header fields that tell how fresh an answer is that is made without a reading.
    fileprivate var freshness: HTTPFields {
        state.withLock { state in
            freshnessFields(state.status.position, state.handedOn.logID, isStale: state.status.failure != nil)
        }
    }
}

private func freshnessFields(_ position: UInt64, _ logID: UniqueID?, isStale: Bool) -> HTTPFields {
    var headers: HTTPFields = [.daybookPosition: String(position)]
    if let logID { headers[.daybookLogID] = logID.description }
    if isStale { headers[.daybookStale] = "true" }
    return headers
}

extension HTTPFields {
    fileprivate func merging(_ others: HTTPFields) -> HTTPFields {
        var merged = self
        for field in others { merged[field.name] = field.value }
        return merged
    }
}

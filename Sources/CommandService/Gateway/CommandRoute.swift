internal import EventLogProtocol
internal import EventSourcing
internal import HTTPTypes
internal import Hummingbird
internal import JSON
internal import Logging
internal import NIOCore
internal import ServiceSupport

/// `POST /COLLECTION/{id}`: one command, answered once its events are durable.
struct CommandRoute<Domain: CommandDomain>: Sendable {
    let domain: Domain
    let host: AggregateHost<Domain.State>
    let logger: Logger

    func answer(_ request: Request, id: String) async throws -> Response {
        let stream = try domain.stream(of: id)
        let body = try await request.body(ofType: "application/json", limit: domain.largestBody)
        let command = try domain.command(from: body)
        do throws(AggregateHost<Domain.State>.Failure) {
            return response(to: command, try await host.obey(command, on: stream))
        } catch {
            throw problem(for: error, stream)
        }
    }

    private func response(to command: Domain.State.Command, _ obeyed: AggregateHost<Domain.State>.Obeyed) -> Response {
        var headers = HTTPFields()
        headers[.eTag] = "\"\(obeyed.revision.version)\""
        if let position = obeyed.position { headers[.daybookPosition] = String(position) }
        var status = HTTPResponse.Status.ok
        if domain.isCreation(command) {
            status = .created
            headers[.location] = "/\(domain.collection)/\(obeyed.revision.stream.name)"
        }
        return Response.json(status, headers: headers) { domain.write(obeyed.revision, to: &$0) }
    }

    private func problem(for failure: AggregateHost<Domain.State>.Failure, _ stream: StreamID) -> Problem {
        switch failure {
        case .refused(let refusal):
            return domain.problem(for: refusal, of: stream)
        case .fault(let message):
            logger.error("a command failed", metadata: ["stream": "\(stream)", "error": "\(message)"])
            return .internalError
        case .log(let error):
            logger.warning("the log did not obey", metadata: ["stream": "\(stream)", "error": "\(error)"])
            return problem(for: error)
        }
    }

    private func problem(for error: EventLogError) -> Problem {
        switch error.code {
        case .overloaded:
            return Problem(
                .serviceUnavailable, "overloaded", title: "Overloaded",
                detail: "more commands wait than the service takes; nothing was recorded, send it again later",
                headers: [.retryAfter: "1"])
        case .outcomeUnknown:
            return Problem(
                .gatewayTimeout, "outcome-unknown", title: "Outcome unknown",
                detail: "the event log did not answer in time: the command may have been recorded; "
                    + "repeat it with the same Idempotency-Key")
        default:
            return Problem(
                .serviceUnavailable, "log-unavailable", title: "Event log unavailable",
                detail: "the event log cannot be reached; nothing was recorded, send it again later",
                headers: [.retryAfter: "1"])
        }
    }
}

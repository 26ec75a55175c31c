internal import EventSourcing
internal import HTTPTypes
internal import Hummingbird
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
        let condition = try CommandCondition(request.headers)
        let body = try await request.body(ofType: "application/json", limit: domain.largestBody)
        let command = try domain.command(from: body)
        let key = try IdempotencyKey(
            request.headers, stream: stream, canonicalCommand: domain.canonicalBytes(of: command))
        let order = AggregateHost<Domain.State>.Order(
            command: command, stream: stream, condition: condition, key: key,
            recordOfRefusal: { [domain] in RecordedAnswer(domain.problem(for: $0, of: stream)) })
        do throws(AggregateHost<Domain.State>.Failure) {
            return response(to: command, try await host.obey(order))
        } catch {
            throw CommandProblems(domain: domain, logger: logger).problem(for: error, order)
        }
    }

    private func response(to command: Domain.State.Command, _ answer: AggregateHost<Domain.State>.Answer) -> Response {
        switch answer {
        case .obeyed(let revision, let position, let isReplay):
            var headers: HTTPFields = [.eTag: "\"\(revision.version)\""]
            if let position { headers[.daybookPosition] = String(position) }
            if isReplay { headers[.idempotentReplayed] = "true" }
            var status = HTTPResponse.Status.ok
            if domain.isCreation(command) {
                status = .created
                headers[.location] = "/\(domain.collection)/\(revision.stream.name)"
            }
            return Response.json(status, headers: headers) { domain.write(revision, to: &$0) }
        case .replayedRefusal(let status, let body):
            return Response(
                status: HTTPResponse.Status(code: status),
                headers: [.contentType: "application/problem+json", .idempotentReplayed: "true"],
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
        }
    }
}

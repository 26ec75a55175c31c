internal import Access
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
    let host: CommandHost<Domain.State>
    let log: KnownLog
    let audit: AuditLog?
    let logger: Logger

    func answer(_ request: Request, id: String, _ caller: Caller) async throws -> Response {
        let form = request.representation(among: .json).amounts
        let access = CommandAccess(domain, caller, at: request.uri.path, audit: audit)
        let stream: StreamID
        do throws(Problem) {
            stream = try domain.stream(of: id)
        } catch {
            throw error.adding(log.knownFields)
        }
        // Before anything else is looked at: for whoever does not see it, it does not exist.
        guard access.sees(stream) else {
            throw domain.problem(forUnseen: stream).adding(await log.fields(at: log.position))
        }
        let order: CommandOrder<Domain.State>
        do {
            order = try await self.order(request, to: stream, access)
        } catch let problem as Problem {
            throw problem.adding(log.knownFields)
        }
        do throws(CommandFailure<Domain.State>) {
            return await response(to: order.command, try await host.execute(order), form)
        } catch {
            let (problem, position) = CommandProblems(domain: domain, log: log, logger: logger)
                .problem(for: error, order, form)
            let hasAnswered = if case .log = error { false } else { true }
            throw problem.adding(
                hasAnswered ? await log.fields(at: position) : log.fieldsWithoutAsking(at: position))
        }
    }

    private func order(
        _ request: Request, to stream: StreamID, _ access: CommandAccess<Domain>
    ) async throws -> CommandOrder<Domain.State> {
        let condition = try CommandCondition(request.headers)
        let metadata = try CommandMetadata(request.headers, actor: access.caller.actor)
        let body = try await request.body(ofType: "application/json", limit: domain.largestBody)
        let command = try domain.command(from: body)
        try access.requirePermission(for: command, to: stream)
        let key = try IdempotencyKey(
            request.headers, stream: stream, canonicalCommand: domain.canonicalBytes(of: command))
        return CommandOrder(
            command, on: stream, condition: condition, key: key, sender: access.sender, metadata: metadata.encoded,
            recordOfRefusal: { [domain, sender = access.sender] in domain.record(of: $0, on: stream, for: sender) })
    }

    private func response(
        to command: Domain.State.Command, _ answer: CommandAnswer<Domain.State>, _ form: DecimalForm
    ) async -> Response {
        switch answer {
        case .executed(let revision, let position, let isReplay):
            var headers = await log.fields(at: position)
            headers[.eTag] = EntityTag(version: revision.version, form).description
            if isReplay { headers[.idempotentReplayed] = "true" }
            var status = HTTPResponse.Status.ok
            if domain.isCreation(command) {
                status = .created
                headers[.location] = "/\(domain.collection)/\(revision.stream.name)"
            }
            return Response.json(status, headers: headers, as: form) {
                domain.write(revision, answering: command, to: &$0, amounts: form)
            }
        case .replayedRefusal(let status, let body, let position):
            var headers = await log.fields(at: position)
            headers[.contentType] = "application/problem+json"
            headers[.idempotentReplayed] = "true"
            let body = Problem.body(body, writing: domain.amountMembers, as: form)
            return Response(
                status: HTTPResponse.Status(code: status), headers: headers,
                body: ResponseBody(byteBuffer: ByteBuffer(bytes: body)))
        }
    }
}

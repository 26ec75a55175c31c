internal import Access
internal import Accounts
internal import EventSourcing
internal import HTTPTypes
internal import Hummingbird
internal import NIOCore
internal import QueryService
internal import ServiceSupport

/// `GET /accounts/{id}/statement`: what moved money in an account, as JSON or as values separated by commas.
extension AccountQueries {
    func statement(_ request: Request, id: String, for caller: Caller) async throws -> Response {
        let asked = try AccountPaths.stream(of: id, for: caller)
        let parameters = try request.parameters(known: Self.freshness.union(["from", "to"]))
        let period = try StatementPeriod(parameters)
        let reading = try await entry(of: asked, request, parameters)
        let account = try readable(reading.value, id, at: period.last, reading.headers)
        let stream = account.stream
        let (from, to) = (period.from(account), period.to(account))
        let first = try await version(of: account, before: from)
        let last = max(first, try await version(of: account, before: to))
        let form = request.representation(among: .json, .csv)
        var headers = reading.headers
        headers[.vary] = "Accept"
        headers[.contentType] = form.mediaType
        let tag =
            form.kind == .csv ? EntityTag(version: last).marked("csv") : EntityTag(version: last, form.amounts)
        headers[.eTag] = tag.description
        if let known = request.headers[.ifNoneMatch], try isKnown(tag, known) {
            headers[.contentType] = nil
            return Response(status: .notModified, headers: headers)
        }
        let source = StatementSource(
            account: account, opening: first == 0 ? Revision(of: stream) : try await aggregate(stream, at: first),
            last: last, history: AccountHistory(of: stream, recent: events, log: log, request, parameters))
        let writer = StatementWriter(account: account, from: from, to: to, form: form)
        let (statement, body) = try await source.read(writer, reading.headers)
        if let body {
            return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: body))
        }
        // Too long to be kept: read once more, while it is sent.
        return Response(
            status: .ok, headers: headers,
            body: FeedWriter.wholeBody(logger: logger) { output in
                try await source.send(statement, writer, to: output)
            })
    }

    /// How many events of an account were recorded before a time.
    private func version(of account: Revision<Account>, before time: Timestamp) async throws -> UInt64 {
        guard let createdAt = account.createdAt, let updatedAt = account.updatedAt, createdAt < time else { return 0 }
        if updatedAt < time { return account.version }
        // The log may know of newer events than the answer's position tells of.
        return min(account.version, try await log.version(of: account.stream, at: time.justBefore))
    }
}

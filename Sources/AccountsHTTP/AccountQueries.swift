public import Accounts
internal import EventSourcing
internal import HTTPTypes
internal import Hummingbird
internal import JSON
public import QueryService
public import ServiceSupport

/// The queries about accounts: `contract/http-api.md`.
public struct AccountQueries: Sendable {
    private static let freshness = QueryAccess<AccountDirectory>.freshnessParameters

    private let access: QueryAccess<AccountDirectory>

    /// Queries answered from a directory of accounts.
    public init(_ access: QueryAccess<AccountDirectory>) {
        self.access = access
    }

    /// What the queries are asked at.
    public var routes: [Route] {
        [
            Route("/accounts", [.get: { request, _ in try await accounts(request) }]),
            Route("/accounts/{id}", [.get: { request, path in try await account(request, id: path["id"]) }]),
            Route("/accounts/{id}/events", [.get: { request, path in try await events(request, id: path["id"]) }]),
        ]
    }

    private func account(_ request: Request, id: String) async throws -> Response {
        let stream = try AccountPaths.stream(of: id)
        let parameters = try request.parameters(known: Self.freshness)
        let (account, position) = try await access.read(request, parameters) { $0.account(stream.name) }
        guard let account else { throw AccountProblems.notFound(id, at: position) }
        let headers: HTTPFields = [.eTag: "\"\(account.version)\"", .daybookPosition: String(position)]
        if let known = request.headers[.ifNoneMatch], try isKnown(account.version, known) {
            return Response(status: .notModified, headers: headers)
        }
        return Response.json(.ok, headers: headers) { account.writeAccount(to: &$0) }
    }

    /// Whether `If-None-Match` names the version, compared weakly as RFC 9110 wants it there.
    private func isKnown(_ version: UInt64, _ known: String) throws(Problem) -> Bool {
        if known == "*" { return true }
        return try EntityTag.list("If-None-Match", known).contains { $0.value == String(version) }
    }

    private func accounts(_ request: Request) async throws -> Response {
        let parameters = try request.parameters(known: Self.freshness.union(["after", "limit", "owner"]))
        let limit = try ParameterReading.integer("limit", parameters["limit"], in: 1...1000) ?? 100
        let (after, owner) = (parameters["after"], parameters["owner"])
        // One more than asked for tells whether there is more.
        let (found, position) = try await access.read(request, parameters) {
            $0.accounts(after: after, ownedBy: owner, limit: limit + 1)
        }
        let page = found.prefix(limit)
        var headers: HTTPFields = [.daybookPosition: String(position)]
        if found.count > limit, let last = page.last {
            var query = "after=\(PercentEncoding.applied(to: last.stream.name))&limit=\(limit)"
            if let owner { query += "&owner=\(PercentEncoding.applied(to: owner))" }
            headers[.link] = "</accounts?\(query)>; rel=\"next\""
        }
        return Response.json(.ok, headers: headers) { writer in
            writer.beginArray()
            for account in page { account.writeAccount(to: &writer) }
            writer.endArray()
        }
    }

    private func events(_ request: Request, id: String) async throws -> Response {
        let stream = try AccountPaths.stream(of: id)
        let parameters = try request.parameters(known: Self.freshness.union(["after_version", "limit"]))
        let limit = try ParameterReading.integer("limit", parameters["limit"], in: 1...10_000) ?? 1000
        let after = try ParameterReading.integer("after_version", parameters["after_version"], in: 0...UInt64.max) ?? 0
        let (found, position) = try await access.read(request, parameters) { directory in
            directory.account(stream.name).map { account in
                (version: account.version, history: directory.history(of: stream.name, after: after, limit: limit))
            }
        }
        guard let found else { throw AccountProblems.notFound(id, at: position) }
        let events: [RecordedEvent]
        switch found.history {
        case .events(let held): events = held
        case .older, nil:
            // No more than up to the position that the answer states.
            let wanted = Int(clamping: found.version - after)
            events = try await access.readStream(stream, after: after, limit: min(limit, wanted))
        }
        var headers: HTTPFields = [.daybookPosition: String(position)]
        if let last = events.last, last.streamVersion < found.version {
            headers[.link] =
                "</accounts/\(stream.name)/events?after_version=\(last.streamVersion)&limit=\(limit)>; rel=\"next\""
        }
        return try Response.json(.ok, headers: headers) { writer in
            writer.beginArray()
            for event in events { try AccountEvent.write(event, to: &writer) }
            writer.endArray()
        }
    }
}

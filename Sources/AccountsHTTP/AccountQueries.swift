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

    private let accounts: QueryAccess<AccountDirectory>
    private let events: QueryAccess<RecentEvents>
    private let log: LogAccess

    /// Queries answered from a directory of accounts, the newest events, and for what is older from the log.
    public init(accounts: QueryAccess<AccountDirectory>, events: QueryAccess<RecentEvents>, log: LogAccess) {
        self.accounts = accounts
        self.events = events
        self.log = log
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
        let reading = try await accounts.read(request, parameters) { $0.account(stream.name) }
        guard let account = reading.value else { throw AccountProblems.notFound(id, reading.headers) }
        var headers = reading.headers
        headers[.eTag] = "\"\(account.version)\""
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
        let reading = try await self.accounts.read(request, parameters) {
            $0.accounts(after: after, ownedBy: owner, limit: limit + 1)
        }
        let page = reading.value.prefix(limit)
        var headers = reading.headers
        if reading.value.count > limit, let last = page.last {
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
        let reading = try await accounts.read(request, parameters) { $0.account(stream.name)?.version }
        guard let version = reading.value else { throw AccountProblems.notFound(id, reading.headers) }
        // No more than up to the position that the answer states.
        let wanted = min(limit, Int(clamping: version > after ? version - after : 0))
        let held = try await self.events.read(request, parameters) {
            $0.records(of: stream, after: after, upTo: version, limit: wanted)
        }
        let events: [RecordedEvent]
        switch held.value {
        case .records(let records): events = records
        case .older: events = try await log.readStream(stream, after: after, limit: wanted)
        }
        var headers = reading.headers
        if let last = events.last, last.streamVersion < version {
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

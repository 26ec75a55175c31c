public import Accounts
internal import EventSourcing
internal import HTTPTypes
internal import Hummingbird
internal import JSON
public import QueryService
public import ServiceSupport

/// The queries about accounts: `contract/http-api.md`.
public struct AccountQueries: Sendable {
    static let freshness = QueryAccess<AccountDirectory>.freshnessParameters
    static let mostListed = 1000

    let accounts: QueryAccess<AccountDirectory>
    let events: QueryAccess<RecentEvents>
    let log: LogAccess

    /// Queries answered from a directory of accounts, the newest events, and for what is older from the log.
    public init(accounts: QueryAccess<AccountDirectory>, events: QueryAccess<RecentEvents>, log: LogAccess) {
        self.accounts = accounts
        self.events = events
        self.log = log
    }

    /// What the queries are asked at.
    public var routes: [Route] {
        [
            Route(
                "/accounts", parameters: .readByHandlers,
                [.get: { request, _ in try await stating { try await list(request) } }]),
            Route(
                "/accounts/{id}", parameters: .readByHandlers,
                [.get: { request, path in try await stating { try await account(request, id: path["id"]) } }]),
            Route(
                "/accounts/{id}/events", parameters: .readByHandlers,
                [.get: { request, path in try await stating { try await events(request, id: path["id"]) } }]),
        ]
    }

    private func stating(_ answer: () async throws -> Response) async throws -> Response {
        try await accounts.stating(answer)
    }

    private func account(_ request: Request, id: String) async throws -> Response {
        let stream = try AccountPaths.stream(of: id)
        let parameters = try request.parameters(known: Self.freshness.union(["version", "at"]))
        let moment = try Moment(parameters)
        let reading = try await accounts.read(request, parameters) { $0.account(stream.name) }
        guard let newest = reading.value else { throw AccountProblems.notFound(id, reading.headers) }
        let account = try await self.account(newest, at: moment, reading.headers)
        var headers = reading.headers
        let form = request.representation(among: .json).amounts
        let tag = EntityTag(version: account.version, form)
        headers[.eTag] = tag.description
        headers[.vary] = "Accept"
        if let wanted = request.headers[.ifMatch], try !isWanted(account.version, wanted) {
            throw AccountProblems.versionMismatch(account, headers)
        }
        if let known = request.headers[.ifNoneMatch], try isKnown(tag, known) {
            return Response(status: .notModified, headers: headers)
        }
        return Response.json(.ok, headers: headers, as: form) { account.writeAccount(to: &$0, amounts: form) }
    }

    /// Whether `If-Match` names the version, compared strongly as RFC 9110 wants it there.
    private func isWanted(_ version: UInt64, _ wanted: String) throws(Problem) -> Bool {
        if wanted == "*" { return true }
        return try EntityTag.list("If-Match", wanted).contains { !$0.isWeak && $0.version == version }
    }

    /// Whether `If-None-Match` names the tag, compared weakly as RFC 9110 wants it there.
    private func isKnown(_ tag: EntityTag, _ known: String) throws(Problem) -> Bool {
        if known == "*" { return true }
        return try EntityTag.list("If-None-Match", known).contains { $0.value == tag.value }
    }

    private func list(_ request: Request) async throws -> Response {
        let parameters = try request.parameters(known: Self.freshness.union(["after", "limit", "owner", "at"]))
        let limit = try ParameterReading.integer("limit", parameters["limit"], in: 1...Self.mostListed) ?? 100
        let time = try Moment.time(parameters["at"])
        let (after, owner) = (parameters["after"], parameters["owner"])
        // One more than asked for tells whether there is more.
        let reading = try await accounts.read(request, parameters) {
            $0.accounts(after: after, ownedBy: owner, openedBy: time, limit: limit + 1)
        }
        let page = try await accounts(
            Array(reading.value.accounts.prefix(limit)), at: time.map(Moment.time), reading.headers)
        var headers = reading.headers
        if let last = reading.value.lastLookedAt(of: limit) {
            var query = "after=\(PercentEncoding.applied(to: last))&limit=\(limit)"
            if let owner { query += "&owner=\(PercentEncoding.applied(to: owner))" }
            if let time { query += "&at=\(PercentEncoding.applied(to: time.description))" }
            headers[.link] = "</accounts?\(query)>; rel=\"next\""
        }
        let form = request.representation(among: .json).amounts
        headers[.vary] = "Accept"
        return Response.json(.ok, headers: headers, as: form) { writer in
            writer.beginArray()
            for account in page { account.writeAccount(to: &writer, amounts: form) }
            writer.endArray()
        }
    }

    private func events(_ request: Request, id: String) async throws -> Response {
        let stream = try AccountPaths.stream(of: id)
        let parameters = try request.parameters(
            known: Self.freshness.union(["after_version", "before_version", "limit"]))
        let limit = try ParameterReading.integer("limit", parameters["limit"], in: 1...10_000) ?? 1000
        let versions: ClosedRange<UInt64> = 0...UInt64.max
        let asked = try ParameterReading.integer("after_version", parameters["after_version"], in: versions)
        let before = try ParameterReading.integer("before_version", parameters["before_version"], in: versions)
        if let before, asked != nil {
            throw Problem.invalidParameter("before_version", "\(before)", expected: "no after_version beside it")
        }
        let reading = try await accounts.read(request, parameters) { $0.account(stream.name)?.version }
        // No more than up to the position that the answer states.
        guard let version = reading.value else { throw AccountProblems.notFound(id, reading.headers) }
        let last = before.map { min(version, $0 == 0 ? 0 : $0 - 1) } ?? version
        let after = before == nil ? asked ?? 0 : last - min(last, UInt64(limit))
        let wanted = Int(clamping: min(UInt64(limit), last > after ? last - after : 0))
        let held = try await self.events.read(request, parameters) {
            $0.records(of: stream, after: after, upTo: last, limit: wanted)
        }
        let events: [RecordedEvent]
        switch held.value {
        case .records(let records): events = records
        case .older: events = try await log.readStream(stream, after: after, limit: wanted)
        }
        var headers = reading.headers
        let path = "/accounts/\(stream.name)/events"
        if before != nil {
            if let first = events.first, first.streamVersion > 1 {
                headers[.link] = "<\(path)?before_version=\(first.streamVersion)&limit=\(limit)>; rel=\"prev\""
            }
        } else if let newest = events.last, newest.streamVersion < version {
            headers[.link] = "<\(path)?after_version=\(newest.streamVersion)&limit=\(limit)>; rel=\"next\""
        }
        let form = request.representation(among: .json).amounts
        headers[.vary] = "Accept"
        return try Response.json(.ok, headers: headers, as: form) { writer in
            writer.beginArray()
            for event in events { try AccountEvent.write(event, to: &writer, amounts: form) }
            writer.endArray()
        }
    }
}

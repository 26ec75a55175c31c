internal import Access
public import Accounts
public import EventSourcing
internal import HTTPTypes
internal import Hummingbird
internal import JSON
public import Logging
public import QueryService
public import ServiceSupport

/// The queries about accounts: `contract/http-api.md`.
public struct AccountQueries: Sendable {
    static let freshness = QueryAccess<AccountDirectory>.freshnessParameters
    static let mostListed = 1000

    let accounts: QueryAccess<AccountDirectory>
    let events: QueryAccess<RecentEvents>
    let log: LogAccess
    let clock: @Sendable () -> Timestamp
    let logger: Logger

    /// Queries answered from a directory of accounts, the newest events, and for what is older from the log.
    ///
    /// - Parameter clock: tells as of when accounts are shown: a hold that is expired by then is not held any more.
    public init(
        accounts: QueryAccess<AccountDirectory>, events: QueryAccess<RecentEvents>, log: LogAccess,
        clock: @escaping @Sendable () -> Timestamp = { .now() }, logger: Logger
    ) {
        self.accounts = accounts
        self.events = events
        self.log = log
        self.clock = clock
        self.logger = logger
    }

    /// What the queries are asked at.
    public var routes: [Route] {
        [
            Route(
                "/accounts", parameters: .readByHandlers,
                [
                    .get: .needing(.read) { request, _, caller in
                        try await stating { try await list(request, for: caller) }
                    }
                ]),
            Route(
                "/accounts/{id}", parameters: .readByHandlers,
                [
                    .get: .needing(.read) { request, path, caller in
                        try await stating { try await account(request, id: path["id"], for: caller) }
                    }
                ]),
            Route(
                "/accounts/{id}/events", parameters: .readByHandlers,
                [
                    .get: .needing(.read) { request, path, caller in
                        try await stating { try await events(request, id: path["id"], for: caller) }
                    }
                ]),
            Route(
                "/accounts/{id}/statement", parameters: .readByHandlers,
                [
                    .get: .needing(.read) { request, path, caller in
                        try await stating { try await statement(request, id: path["id"], for: caller) }
                    }
                ]),
        ]
    }

    private func stating(_ answer: () async throws -> Response) async throws -> Response {
        try await accounts.stating(answer)
    }

    private func account(_ request: Request, id: String, for caller: Caller) async throws -> Response {
        let stream = try AccountPaths.stream(of: id, for: caller)
        let parameters = try request.parameters(known: Self.freshness.union(["version", "at"]))
        let moment = try Moment(parameters)
        let reading = try await entry(of: stream, request, parameters)
        let newest = try readable(reading.value, id, at: moment, reading.headers)
        let account = try await self.account(newest, at: moment, reading.headers)
        let time = viewTime(of: account, at: moment)
        var headers = reading.headers
        let form = request.representation(among: .json).amounts
        let tag = EntityTag(version: account.version, expired: account.state.expiredHolds(at: time), form)
        headers[.eTag] = tag.description
        headers[.vary] = "Accept"
        if let wanted = request.headers[.ifMatch], try !isWanted(account.version, wanted) {
            throw AccountProblems.versionMismatch(account, headers)
        }
        if let known = request.headers[.ifNoneMatch], try isKnown(tag, known) {
            return Response(status: .notModified, headers: headers)
        }
        return Response.json(.ok, headers: headers, as: form) {
            account.writeAccount(to: &$0, amounts: form, at: time)
        }
    }

    /// Whether `If-Match` names the version, compared strongly as RFC 9110 wants it there.
    private func isWanted(_ version: UInt64, _ wanted: String) throws(Problem) -> Bool {
        if wanted == "*" { return true }
        return try EntityTag.list("If-Match", wanted).contains { !$0.isWeak && $0.version == version }
    }

    /// Whether `If-None-Match` names the tag, compared weakly as RFC 9110 wants it there.
    func isKnown(_ tag: EntityTag, _ known: String) throws(Problem) -> Bool {
        if known == "*" { return true }
        return try EntityTag.list("If-None-Match", known).contains { $0.value == tag.value }
    }

    private func list(_ request: Request, for caller: Caller) async throws -> Response {
        let parameters = try request.parameters(known: Self.freshness.union(["after", "limit", "owner", "at"]))
        let limit = try ParameterReading.integer("limit", parameters["limit"], in: 1...Self.mostListed) ?? 100
        let time = try Moment.time(parameters["at"])
        let (after, owner, range) = (parameters["after"], parameters["owner"], caller.accounts)
        // One more than asked for tells whether there is more.
        let reading = try await accounts.read(request, parameters) {
            (
                page: $0.accounts(after: after, in: range, ownedBy: owner, openedBy: time, limit: limit + 1),
                unreadable: $0.unreadableAccounts(by: time, in: range)
            )
        }
        let moment = time.map(Moment.time)
        let page = try await accounts(Array(reading.value.page.accounts.prefix(limit)), at: moment, reading.headers)
        var headers = reading.headers
        headers.leavesOut(reading.value.unreadable)
        if let last = reading.value.page.lastLookedAt(of: limit) {
            var query = "after=\(PercentEncoding.applied(to: last))&limit=\(limit)"
            if let owner { query += "&owner=\(PercentEncoding.applied(to: owner))" }
            if let time { query += "&at=\(PercentEncoding.applied(to: time.description))" }
            headers[.link] = "</accounts?\(query)>; rel=\"next\""
        }
        let form = request.representation(among: .json).amounts
        headers[.vary] = "Accept"
        return Response.json(.ok, headers: headers, as: form) { writer in
            writer.beginArray()
            for account in page {
                account.writeAccount(to: &writer, amounts: form, at: viewTime(of: account, at: moment))
            }
            writer.endArray()
        }
    }
}

extension HTTPFields {
    /// Says that an answer about all accounts leaves some out.
    mutating func leavesOut(_ unreadable: Int) {
        if unreadable > 0 { self[.daybookUnreadableAccounts] = String(unreadable) }
    }
}

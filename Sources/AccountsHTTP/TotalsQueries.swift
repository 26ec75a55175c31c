internal import Access
public import Accounts
public import EventSourcing
internal import HTTPTypes
internal import Hummingbird
internal import JSON
public import QueryService
public import ServiceSupport
internal import Synchronization

/// `GET /totals`: what all accounts of each currency come to, at one cut of the log.
public struct TotalsQueries: Sendable {
    /// So many records are read of the log at once for totals of the past.
    private static let recordsOfARead = 10_000

    private let accounts: QueryAccess<AccountDirectory>
    private let log: LogAccess
    private let clock: @Sendable () -> Timestamp
    /// Raised while totals of the past are folded.
    private let isFolding = Flag()

    /// Queries answered from a directory of accounts, and for what is past from the log.
    ///
    /// - Parameter clock: tells as of when totals are shown: a hold that is expired by then is not held any more.
    public init(
        accounts: QueryAccess<AccountDirectory>, log: LogAccess,
        clock: @escaping @Sendable () -> Timestamp = { .now() }
    ) {
        self.accounts = accounts
        self.log = log
        self.clock = clock
    }

    /// What the queries are asked at.
    public var routes: [Route] {
        [
            Route(
                "/totals", parameters: .readByHandlers,
                [
                    .get: .needing(.audit) { request, _, caller in
                        try await accounts.stating { try await answer(request) }
                    }
                ])
        ]
    }

    private struct Found: Sendable {
        let totals: [CurrencyTotals]
        let unreadable: Int
    }

    private func answer(_ request: Request) async throws -> Response {
        let parameters = try request.parameters(known: QueryAccess<AccountDirectory>.freshnessParameters.union(["at"]))
        let time = try Moment.time(parameters["at"])
        let now = clock()
        let reading = try await accounts.read(request, parameters) { directory -> Found? in
            if let time, let last = directory.recordedAt, time < last { return nil }
            return Found(totals: directory.totals(asOf: time ?? now), unreadable: directory.unreadableAccounts())
        }
        let found: Found
        if let newest = reading.value {
            found = newest
        } else {
            found = try await totals(at: time ?? now, upTo: reading.position)
        }
        var headers = reading.headers
        headers.leavesOut(found.unreadable)
        headers[.vary] = "Accept"
        let form = request.representation(among: .json).amounts
        return Response.json(.ok, headers: headers, as: form) { writer in
            writer.beginArray()
            for totals in found.totals { totals.write(to: &writer, amounts: form) }
            writer.endArray()
        }
    }

    /// The totals at a time that has passed, folded from the log's beginning: one at a time, since each takes about as much
    /// memory as the accounts that there were.
    private func totals(at time: Timestamp, upTo position: UInt64) async throws -> Found {
        guard isFolding.raise() else { throw Self.busy }
        defer { isFolding.lower() }
        let hasLeft = Flag()
        ClientPresence.current?.whenClientLeaves { hasLeft.raise() }
        var fold = PastTotals(at: time)
        var reached: UInt64 = 0
        var page = try await log.readLog(after: 0, limit: Self.recordsOfARead)
        while let last = page.last?.position {
            async let following = last < position ? log.readLog(after: last, limit: Self.recordsOfARead) : []
            for record in page where record.position <= position {
                guard fold.apply(record) else {
                    return Found(totals: fold.totals, unreadable: fold.unreadableAccounts)
                }
                reached = record.position
            }
            // Nobody waits for the answer any more.
            guard !hasLeft.isRaised else { throw Self.busy }
            page = try await following
        }
        guard reached >= position else { throw AccountProblems.logWentBack }
        return Found(totals: fold.totals, unreadable: fold.unreadableAccounts)
    }

    private static let busy = Problem(
        .serviceUnavailable, "overloaded", title: "Overloaded",
        detail: "totals of the past are being computed for somebody else, one at a time; ask again later",
        headers: [.retryAfter: "1"])
}

/// A flag that several threads see.
private final class Flag: Sendable {
    private let state = Atomic<Bool>(false)

    var isRaised: Bool { state.load(ordering: .relaxed) }

    /// Raises it; false if it was raised already.
    @discardableResult
    func raise() -> Bool { !state.exchange(true, ordering: .relaxed) }

    func lower() { state.store(false, ordering: .relaxed) }
}

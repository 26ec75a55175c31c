internal import Access
public import Accounts
public import EventSourcing
internal import HTTPTypes
internal import Hummingbird
internal import JSON
public import QueryService
public import ServiceSupport
internal import Synchronization

/// `GET /totals`: what all accounts of each currency, or all that whoever asks may see, come to, at one cut of the log.
public struct TotalsQueries: Sendable {
    /// So many records are read of the log at once for totals that are folded from it.
    private static let recordsOfARead = 10_000

    private let accounts: QueryAccess<AccountDirectory>
    private let log: LogAccess
    private let clock: @Sendable () -> Timestamp
    private let permits = FoldPermits()

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
                        try await accounts.stating { try await answer(request, for: caller) }
                    }
                ])
        ]
    }

    private struct Found: Sendable {
        let totals: [CurrencyTotals]
        let unreadable: Int
    }

    private func answer(_ request: Request, for caller: Caller) async throws -> Response {
        let parameters = try request.parameters(known: QueryAccess<AccountDirectory>.freshnessParameters.union(["at"]))
        let time = try Moment.time(parameters["at"])
        let now = clock()
        // The directory keeps totals of all accounts alone.
        let isKept = caller.seesAll
        let reading = try await accounts.read(request, parameters) { directory -> Found? in
            if !isKept { return nil }
            if let time, let last = directory.recordedAt, time < last { return nil }
            return Found(totals: directory.totals(asOf: time ?? now), unreadable: directory.unreadableAccounts())
        }
        let found: Found
        if let newest = reading.value {
            found = newest
        } else {
            guard permits.take(for: caller.actor) else { throw Self.busy }
            defer { permits.giveBack(for: caller.actor) }
            found = try await folded(PastTotals(at: time, of: caller.accounts), upTo: reading.position, now: now)
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

    /// Totals folded from the log's beginning: of the past, or of some accounts alone.
    private func folded(_ empty: PastTotals, upTo position: UInt64, now: Timestamp) async throws -> Found {
        let hasLeft = Flag()
        ClientPresence.current?.whenClientLeaves { hasLeft.raise() }
        var fold = empty
        var reached: UInt64 = 0
        var page = try await log.readLog(after: 0, limit: Self.recordsOfARead)
        while let last = page.last?.position {
            async let following = last < position ? log.readLog(after: last, limit: Self.recordsOfARead) : []
            for record in page where record.position <= position {
                guard fold.apply(record) else {
                    return Found(totals: fold.totals(now: now), unreadable: fold.unreadableAccounts)
                }
                reached = record.position
            }
            // Nobody waits for the answer any more.
            guard !hasLeft.isRaised else { throw Self.busy }
            page = try await following
        }
        guard reached >= position else { throw AccountProblems.logWentBack }
        return Found(totals: fold.totals(now: now), unreadable: fold.unreadableAccounts)
    }

    private static let busy = Problem(
        .serviceUnavailable, "overloaded", title: "Overloaded",
        detail: "as many totals are being folded from the log as are at once, one for each who asks; ask again later",
        headers: [.retryAfter: "1"])
}

/// Who has totals folded from the log. Each fold takes about as much memory as the accounts that there were, so there are
/// few at once; and one for each who asks, so that nobody keeps all others from theirs.
private final class FoldPermits: Sendable {
    private static let maxAtOnce = 2

    private let holders = Mutex<[String?]>([])

    /// Takes a permit; false if there is none for this actor, or for whoever it is.
    func take(for actor: String?) -> Bool {
        holders.withLock { holders in
            guard holders.count < Self.maxAtOnce, !holders.contains(actor) else { return false }
            holders.append(actor)
            return true
        }
    }

    func giveBack(for actor: String?) {
        holders.withLock { holders in
            if let index = holders.firstIndex(of: actor) { holders.remove(at: index) }
        }
    }
}

/// A flag that several threads see.
private final class Flag: Sendable {
    private let state = Atomic<Bool>(false)

    var isRaised: Bool { state.load(ordering: .relaxed) }

    func raise() { state.store(true, ordering: .relaxed) }
}

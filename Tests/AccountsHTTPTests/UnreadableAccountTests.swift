import Accounts
import HTTPTypes
import JSON
import ServiceSupport
import Testing

/// A record that cannot be applied makes its account unreadable, and leaves all others as they are.
@Suite struct UnreadableAccountTests {
    private let queries: Queries

    init() throws {
        queries = try Queries()
        queries.append(at: seconds(1), .init("sound", opened("5.00")))
        queries.append(
            at: seconds(2), .init("bad", opened("7.00")), .init("sound", .deposited(amount: money("1.00"))))
        queries.append(at: seconds(3), .init("bad", unknown: "MoneyTeleported"))
        queries.append(at: seconds(4), .init("bad", .deposited(amount: money("1.00"))))
        queries.append(at: seconds(6), .init("worse", unknown: "MoneyTeleported"))
    }

    @Test(arguments: [
        "/accounts/bad", "/accounts/bad/events", "/accounts/bad/statement", "/accounts/bad?version=2",
        "/accounts/bad?version=9", "/accounts/bad?at=\(seconds(3))", "/accounts/bad?at=\(seconds(99))",
        "/accounts/bad/statement?to=\(seconds(4))", "/accounts/bad/statement?from=\(seconds(2))",
    ])
    func `what it is from the record on is not told`(target: String) async throws {
        let answer = try await queries.get(target)
        #expect(answer.status == 503)
        let problem = try answer.json()
        #expect(problem["type"]?.text == "/problems/account-unreadable")
        #expect(problem["position"]?.text == "4")
        #expect(problem["reason"]?.text?.contains("MoneyTeleported") == true)
        #expect(answer.headers[.daybookPosition] == "6")
        #expect(answer.headers[.retryAfter] != nil)
        #expect(answer.headers[.daybookStale] == nil)
    }

    @Test func `what it was before the record is told`() async throws {
        for target in ["/accounts/bad?version=1", "/accounts/bad?at=\(seconds(2))"] {
            let answer = try await queries.get(target)
            #expect(answer.status == 200, "\(answer.text)")
            #expect(try answer.json()["balance"]?.text == "7.00")
        }
        #expect(try await queries.get("/accounts/bad?at=\(seconds(1))").status == 404)
        let statement = try await queries.get("/accounts/bad/statement?to=\(seconds(3))")
        #expect(try statement.json()["closing_balance"]?.text == "7.00")
        // One whose first record cannot be applied was never anything that could be told.
        #expect(try await queries.get("/accounts/worse").status == 503)
        #expect(try await queries.get("/accounts/worse?at=\(seconds(5))").status == 404)
    }

    @Test func `all others go on`() async throws {
        let answer = try await queries.get("/accounts/sound?min_position=6")
        #expect(answer.status == 200)
        #expect(try answer.json()["balance"]?.text == "6.00")
        #expect(try await queries.get("/accounts/sound/events").json().elements.count == 2)
    }

    @Test func `lists and totals leave it out, and say so`() async throws {
        let list = try await queries.get("/accounts")
        #expect(try list.json().elements.map { $0["id"]?.text } == ["sound"])
        #expect(list.headers[.daybookUnreadableAccounts] == "2")
        let totals = try await queries.get("/totals")
        let usd = try #require(try totals.json().elements.first)
        #expect(
            ["accounts", "balance", "deposited", "withdrawn"].map { usd[$0]?.text } == ["1", "6.00", "13.00", "7.00"])
        #expect(totals.headers[.daybookUnreadableAccounts] == "2")
        // Before the record it was like any other.
        let before = try await queries.get("/accounts?at=\(seconds(2))")
        #expect(try before.json().elements.map { $0["id"]?.text } == ["bad", "sound"])
        #expect(before.headers[.daybookUnreadableAccounts] == nil)
        let between = try await queries.get("/accounts?at=\(seconds(5))")
        #expect(try between.json().elements.map { $0["id"]?.text } == ["sound"])
        #expect(between.headers[.daybookUnreadableAccounts] == "1")
    }

    @Test func `the whole log tells the record as it stands there`() async throws {
        let events = try await queries.get("/events?account=bad").json().elements
        #expect(events.map { $0["type"]?.text } == ["AccountOpened", "MoneyTeleported", "MoneyDeposited"])
    }
}

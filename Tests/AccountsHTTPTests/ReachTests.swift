import Access
import Accounts
import HTTPTypes
import JSON
import ServiceSupport
import Testing

/// What is beyond a caller's reach looks as if it did not exist.
@Suite struct ReachTests {
    private let queries: Queries
    private let auditor = Caller(actor: "kim", standing: .role(.auditor), reach: .prefix("mine-"))

    init() throws {
        queries = try Queries()
        queries.append(at: seconds(1), .init("mine-1", opened("100.00")))
        queries.append(at: seconds(2), .init("other", opened("7.00")))
        queries.append(at: seconds(3), .init("mine-2", opened("0.00", owner: "Bob")))
        // Beyond the reach, in reach, both ways.
        queries.append(at: seconds(4), transfer("mine-1", 2, "other", 2))
        queries.append(at: seconds(5), transfer("other", 3, "mine-1", 3))
        queries.append(at: seconds(6), transfer("mine-1", 4, "mine-2", 2))
        queries.append(at: seconds(7), .init("unreadable", unknown: "MoneyTeleported"))
        queries.append(at: seconds(8), .init("mine-3", unknown: "MoneyTeleported"))
        var tally = Queries.Write("mine-1", unknown: "Counted")
        tally.category = "tally"
        queries.append(at: seconds(9), [tally])
    }

    private func get(_ target: String, _ fields: HTTPFields = [:]) async throws -> Queries.Answer {
        try await queries.get(target, fields, as: auditor)
    }

    @Test(arguments: ["", "/events", "/statement"])
    func `an account beyond it is answered like one that does not exist`(part: String) async throws {
        let position = "min_position=9&wait=1ms"
        for query in [
            "", "?\(position)", "?version=1", "?at=\(seconds(99))", "?from=\(seconds(1))", "?limit=0",
            "?after_version=9", "?no_such=1", "?min_position=99&wait=1ms", "?before_version=2", "?version=0",
            "?to=\(seconds(1))",
        ] {
            for fields in [[:], [.ifMatch: #""2""#], [.ifNoneMatch: "*"], [.accept: "text/csv"]] as [HTTPFields] {
                let beyond = try await get("/accounts/other\(part)\(query)", fields)
                let absent = try await get("/accounts/absnt\(part)\(query)", fields)
                #expect(beyond.status == absent.status)
                #expect(beyond.headers == absent.headers)
                #expect(beyond.text.replacing("other", with: "absnt") == absent.text)
                #expect(beyond.status != 200 && beyond.status != 304)
                let unreadable = try await get("/accounts/unreadable\(part)\(query)", fields)
                #expect(unreadable.status == absent.status)
                #expect(unreadable.text.replacing("unreadable", with: "absnt") == absent.text)
            }
        }
        #expect(try await get("/accounts/other\(part)").json()["type"]?.text == "/problems/account-not-found")
        #expect(try await get("/accounts/a%20b\(part)").status == 400)
        #expect(try await get("/accounts/mine-1\(part)").status == 200)
        #expect(try await get("/accounts/mine-3\(part)").status == 503)
    }

    @Test func `a stranger, and who has no reach, see no account`() async throws {
        let nobody = Caller(actor: "kim", standing: .role(.auditor), reach: nil)
        for caller in [.stranger, nobody, auditor.narrowed(to: .one("other"))] {
            #expect(try await queries.get("/accounts", as: caller).text == "[]")
            #expect(try await queries.get("/accounts/mine-1", as: caller).status == 404)
            #expect(try await queries.get("/events?after=0", as: caller).text == "[]")
        }
    }

    @Test func `lists hold, count and link what is in it`() async throws {
        let first = try await get("/accounts?limit=1")
        #expect(try first.json().elements.map { $0["id"]?.text } == ["mine-1"])
        #expect(first.headers[.link] == "</accounts?after=mine-1&limit=1>; rel=\"next\"")
        #expect(first.headers[.daybookUnreadableAccounts] == "1")
        let second = try await get("/accounts?after=mine-1&limit=1")
        #expect(try second.json().elements.map { $0["id"]?.text } == ["mine-2"])
        #expect(second.headers[.link] == nil)
        for after in ["other", "p", "mine-2"] {
            let answer = try await get("/accounts?after=\(after)")
            #expect((answer.text, answer.headers[.link]) == ("[]", nil))
        }
        #expect(try await get("/accounts?after=a").json().elements.count == 2)
        #expect(try await get("/accounts?owner=Alice").json().elements.map { $0["id"]?.text } == ["mine-1"])
        let whole = try await queries.get("/accounts")
        #expect(try whole.json().elements.count == 3)
        #expect(whole.headers[.daybookUnreadableAccounts] == "2")
    }

    @Test(arguments: [1, 2, 3, 1000])
    func `the log shows the events in it, without a trace of others but positions`(limit: Int) async throws {
        var events: [JSONValue] = []
        var next: String? = "/events?after=0&limit=\(limit)"
        while let target = next {
            let answer = try await get(target)
            #expect(answer.status == 200, "\(answer.text)")
            let page = try answer.json().elements
            #expect(page.count <= limit)
            events += page
            next = answer.headers[.link]?.split(separator: ">")[0].dropFirst().description
        }
        #expect(events.map { $0["position"]?.text } == ["1", "3", "4", "7", "8", "9", "11"])
        // Of the appends only the one that is whole in it goes on.
        #expect(events.filter { $0["continues"] != nil }.map { $0["position"]?.text } == ["8"])
        #expect(try await queries.get("/events?after=0").json().elements.count == 12)
    }

    @Test func `a filter finds nothing beyond it`() async throws {
        for query in ["account=other", "account=absent", "type=Counted", "correlation_id=x", "after=9&account=other"] {
            let answer = try await get("/events?after=0&\(query)".replacing("after=0&after", with: "after"))
            #expect((answer.status, answer.text, answer.headers[.link]) == (200, "[]", nil), "\(query)")
        }
        #expect(try await get("/events?after=0&account=a%20b").status == 400)
    }

    @Test func `a wrong hash is not answered with the right one`() async throws {
        let link = try #require(try await get("/events?after=0&limit=1").headers[.link])
        #expect(link.contains(/after=1-[0-9a-f]{16}&/))
        for position in [1, 2, 5] {
            let point = "\(position)-0000000000000000"
            for caller in [auditor, .unrestricted] {
                let answer = try await queries.get("/events?after=\(point)", as: caller)
                #expect(answer.status == 409)
                let isTold = answer.text.replacing(point, with: "").contains(/-[0-9a-f]{16}/)
                #expect(isTold == caller.seesAll)
            }
        }
    }

    @Test func `a feed tells the events in it`() async throws {
        let feed = try await queries.feed("/events?after=0", as: auditor, until: "MoneyTeleported")
        let ids = feed.matches(of: /id: (\d+)-[0-9a-f]{16}\n/).map { String($0.output.1) }
        #expect(ids == ["1", "3", "4", "7", "8", "9", "11"])
        #expect(feed.split(separator: "\"continues\"").count == 2)
        #expect(!feed.contains("\"account\":\"other\"") && !feed.contains("tally"))
        // One that begins now names a record that may be beyond it.
        let now = try await queries.feed("/events?after=now", as: auditor, until: "id: 12")
        #expect(now.contains("id: 12\n"))
        #expect(try await queries.feed("/events?after=now", as: .unrestricted, until: "id: 12").contains("id: 12-"))
    }

    private func transfer(
        _ sender: String, _ sentAs: UInt64, _ receiver: String, _ receivedAs: UInt64
    ) -> [Queries.Write] { Queries.transfer("1.00", sender, sentAs, receiver, receivedAs) }
}

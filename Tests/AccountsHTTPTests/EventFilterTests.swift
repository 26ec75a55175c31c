import Accounts
import EventSourcing
import HTTPTypes
import JSON
import ServiceSupport
import Testing

/// Events by what was recorded about them.
@Suite struct EventFilterTests {
    private let queries: Queries

    /// 60 deposits after the opening: every third is of order 1, every fifth has a reference.
    init() throws {
        queries = try Queries()
        queries.append(at: seconds(1), .init("a", opened("0.00")))
        for number in 1...60 as ClosedRange<Int64> {
            let details = number % 5 == 0 ? MovementDetails(reference: "r&é \(number % 10)") : .none
            let metadata = number % 3 == 0 ? EventMetadata(correlationID: "order/1&x") : EventMetadata()
            queries.append(
                at: seconds(1 + number), .init("a", .deposited(amount: money("1.00"), details: details), metadata))
        }
    }

    /// Page after page, by the links.
    private func pages(_ target: String) async throws -> [[JSONValue]] {
        var pages: [[JSONValue]] = []
        var next: String? = target
        while let target = next {
            let answer = try await queries.get(target)
            #expect(answer.status == 200, "\(answer.text)")
            pages.append(try answer.json().elements)
            next = answer.headers[.link]?.split(separator: ">")[0].dropFirst().description
            try #require(pages.count < 100)
        }
        return pages
    }

    private func versions(_ events: [JSONValue]) -> [Int] {
        events.compactMap { $0["version"]?.text.flatMap { Int($0) } }
    }

    @Test(arguments: [1, 2, 5, 1000])
    func `by correlation, in the whole log, page by page`(limit: Int) async throws {
        let pages = try await pages("/events?after=0&limit=\(limit)&correlation_id=order%2F1%26x")
        #expect(pages.allSatisfy { $0.count <= limit })
        let events = pages.flatMap { $0 }
        #expect(versions(events) == (1...20).map { $0 * 3 + 1 })
        #expect(events.allSatisfy { $0["correlation_id"]?.text == "order/1&x" })
        #expect(try await queries.get("/events?after=0&correlation_id=order").json().elements.isEmpty)
    }

    @Test(arguments: ["", "a%20b", "%C3%A9", String(repeating: "x", count: 129)])
    func `a correlation that no event can have is refused`(text: String) async throws {
        #expect(try await queries.get("/events?after=0&correlation_id=\(text)").status == 400)
    }

    @Test(arguments: [1, 2, 5, 1000])
    func `by reference, in an account's events, forwards and backwards`(limit: Int) async throws {
        let wanted = (1...6).map { $0 * 10 + 1 }
        let query = "limit=\(limit)&reference=r%26%C3%A9%200"
        let forwards = try await pages("/accounts/a/events?\(query)")
        #expect(forwards.allSatisfy { $0.count <= limit })
        #expect(versions(forwards.flatMap { $0 }) == wanted)
        let backwards = try await pages("/accounts/a/events?before_version=1000&\(query)")
        #expect(versions(backwards.reversed().flatMap { $0 }) == wanted)
        #expect(try await pages("/accounts/a/events?reference=none").flatMap { $0 }.isEmpty)
    }

    @Test func `without a filter pages are as they were`() async throws {
        let forwards = try await pages("/accounts/a/events?limit=7")
        #expect(forwards.map(\.count) == Array(repeating: 7, count: 8) + [5])
        #expect(versions(forwards.flatMap { $0 }) == Array(1...61))
        let backwards = try await pages("/accounts/a/events?limit=7&before_version=62")
        #expect(backwards.map(\.count) == Array(repeating: 7, count: 8) + [5])
        #expect(versions(backwards.reversed().flatMap { $0 }) == Array(1...61))
    }
}

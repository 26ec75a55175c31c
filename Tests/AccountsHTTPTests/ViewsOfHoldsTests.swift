import Accounts
import EventSourcing
import HTTPTypes
import JSON
import ServiceSupport
import Testing

/// What time alone changes: a hold that is past its time is expired in every answer from then on.
@Suite struct ViewsOfHoldsTests {
    private let queries: Queries

    /// 100, of which 30 are held until 10 s and 20 for ever, placed at 2 s and 3 s.
    init() throws {
        queries = try Queries()
        queries.append(at: seconds(1), .init("a", opened("100.00")))
        queries.append(
            at: seconds(2),
            .init("a", .holdPlaced(hold: hold("short"), amount: money("30.00"), expiresAt: seconds(10))))
        queries.append(
            at: seconds(3), .init("a", .holdPlaced(hold: hold("long"), amount: money("20.00"), expiresAt: nil)))
    }

    private func held(_ target: String) async throws -> [String?] {
        let answer = try await queries.get(target)
        let json = try answer.json()
        let account = json.elements.first ?? json
        return [account["held"]?.text, account["available"]?.text, answer.headers[.eTag]]
    }

    @Test func `a hold is held until the microsecond of its expiry`() async throws {
        queries.setClock(to: Timestamp(microseconds: seconds(10).microseconds - 1))
        #expect(try await held("/accounts/a") == ["50.00", "50.00", #""3""#])
        queries.setClock(to: seconds(10))
        #expect(try await held("/accounts/a") == ["20.00", "80.00", #""3;expired=1""#])
        #expect(try await held("/accounts") == ["20.00", "80.00", nil])
        // Its expiry, once recorded, is the next version.
        queries.append(at: seconds(11), .init("a", .holdExpired(hold: hold("short"), amount: money("30.00"))))
        #expect(try await held("/accounts/a") == ["20.00", "80.00", #""4""#])
    }

    @Test func `a moment is viewed as of itself, a version as of its event, whatever the clock says`() async throws {
        for now in [seconds(3), seconds(10), seconds(99)] {
            queries.setClock(to: now)
            #expect(try await held("/accounts/a?version=3") == ["50.00", "50.00", #""3""#])
            #expect(try await held("/accounts/a?at=\(seconds(9))") == ["50.00", "50.00", #""3""#])
            #expect(try await held("/accounts/a?at=\(seconds(10))") == ["20.00", "80.00", #""3;expired=1""#])
            #expect(try await held("/accounts?at=\(seconds(9))") == ["50.00", "50.00", nil])
            #expect(try await held("/accounts?at=\(seconds(10))") == ["20.00", "80.00", nil])
        }
    }

    @Test func `a clock behind the log's shows no hold again that an event has seen expired`() async throws {
        queries.append(at: seconds(20), .init("a", .deposited(amount: money("1.00"))))
        queries.setClock(to: seconds(5))
        #expect(try await held("/accounts/a") == ["20.00", "81.00", #""4;expired=1""#])
        #expect(try await queries.get("/totals").json().elements[0]["held"]?.text == "20.00")
    }

    @Test func `a condition compares the version, a cache the whole tag`() async throws {
        queries.setClock(to: seconds(10))
        for tag in [#""3""#, #""3;expired=1""#, #""3;expired=7""#, #""3;expired=1;amounts=string""#] {
            #expect(try await queries.get("/accounts/a", [.ifMatch: tag]).status == 200, "\(tag)")
        }
        #expect(try await queries.get("/accounts/a", [.ifMatch: #""2;expired=1""#]).status == 412)
        #expect(try await queries.get("/accounts/a", [.ifNoneMatch: #""3""#]).status == 200)
        let unchanged = try await queries.get("/accounts/a", [.ifNoneMatch: #""3;expired=1""#])
        #expect(unchanged.status == 304)
        #expect(unchanged.headers[.eTag] == #""3;expired=1""#)
    }

    @Test func `totals hold what is held at the time`() async throws {
        queries.setClock(to: seconds(9))
        func held(_ target: String) async throws -> String? {
            try await queries.get(target).json().elements[0]["held"]?.text
        }
        #expect(try await held("/totals") == "50.00")
        #expect(try await held("/totals?at=\(seconds(10))") == "20.00")
        queries.setClock(to: seconds(10))
        #expect(try await held("/totals") == "20.00")
        #expect(try await held("/totals?at=\(seconds(9))") == "50.00")
    }
}

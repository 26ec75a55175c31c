import Access
import Accounts
import HTTPTypes
import JSON
import ServiceSupport
import TestSupport
import Testing

/// Whatever happens beyond a reach, what is shown in it is the same, positions and hashes aside.
@Suite struct ReachPropertyTests {
    private static let reaches: [Reach] = [
        .prefix("till-1"), .prefix("till-1-"), .one("till-1"), .one("till-2-a"), .prefix("v"),
    ]
    private static let names = ["till-1", "till-1-a", "till-1-b", "till-2-a", "till-10", "vault"]

    /// The same history in reach, and another one beyond it.
    private func pair(_ reach: Reach, seed: UInt64) throws -> (Queries, Queries) {
        var generator = SeededGenerator(seed: seed)
        let (one, other) = (try Queries(), try Queries())
        var versions: [String: UInt64] = [:]
        func next(_ name: String) -> UInt64 {
            versions[name, default: 0] += 1
            return versions[name] ?? 0
        }
        for number in 1...80 as ClosedRange<Int64> {
            let time = seconds(number)
            let name = Self.names[Int.random(in: 0..<Self.names.count, using: &generator)]
            let second = Self.names[Int.random(in: 0..<Self.names.count, using: &generator)]
            let isIn = reach.includes(name)
            func write(_ writes: [Queries.Write]) {
                one.append(at: time, writes)
                // Of a transfer out of the reach only this side is the same.
                let shown = writes.filter { reach.includes($0.account) }
                if !shown.isEmpty { other.append(at: time, shown) } else { other.setClock(to: time) }
            }
            if versions[name] == nil {
                _ = next(name)
                write([.init(name, opened("50.00", owner: number % 2 == 0 ? "Alice" : "Bob"))])
            } else if number % 3 == 0, second != name, versions[second] != nil {
                let (sent, received) = (next(name), next(second))
                write(Queries.transfer("0.10", name, sent, second, received))
            } else if number % 17 == 0 {
                write([.init(name, unknown: "MoneyTeleported")])
                _ = next(name)
            } else {
                write([.init(name, .deposited(amount: money("1.00")))])
                _ = next(name)
            }
            // Accounts that are there in one world alone.
            if !isIn, number % 7 == 0 { other.append(at: time, .init("zz-\(number)", opened("1.00"))) }
        }
        one.setClock(to: seconds(99))
        other.setClock(to: seconds(99))
        return (one, other)
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func `answers are alike whatever is beyond`(seed: UInt64) async throws {
        for reach in Self.reaches {
            let (one, other) = try pair(reach, seed: seed)
            let caller = Caller(actor: "kim", standing: .role(.auditor), reach: reach)
            var targets = ["/accounts?owner=Alice", "/accounts?after=till-1-a", "/accounts?at=\(seconds(90))"]
            targets += [1, 2, 100].map { "/accounts?limit=\($0)" }
            targets += ["/events?after=0", "/events?after=0&type=MoneySent"]
            targets += Self.names.map { "/events?after=0&account=\($0)" }
            for name in Self.names + ["nobody"] {
                for part in [
                    "", "/events", "/statement", "/events?limit=2", "?version=1", "/statement?to=\(seconds(40))",
                ] {
                    targets.append("/accounts/\(name)\(part)")
                }
            }
            for target in targets {
                let (left, right) = (
                    try await one.get(target, as: caller), try await other.get(target, as: caller)
                )
                #expect(left.status == right.status, "\(reach) \(target)")
                #expect(withoutPositions(left.text) == withoutPositions(right.text), "\(reach) \(target)")
                #expect(fields(left) == fields(right), "\(reach) \(target)")
            }
        }
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func `what is shown is what of the whole answer is in reach`(seed: UInt64) async throws {
        for reach in Self.reaches {
            let (queries, _) = try pair(reach, seed: seed)
            let caller = Caller(actor: "kim", standing: .role(.auditor), reach: reach)
            for (target, name) in [("/accounts", "id"), ("/accounts?owner=Bob", "id"), ("/events?after=0", "account")] {
                let whole = try await queries.get(target).json().elements
                let shown = try await queries.get(target, as: caller).json().elements
                let wanted = whole.filter { reach.includes($0[name]?.text ?? "") }
                #expect(shown.map { $0[name]?.text } == wanted.map { $0[name]?.text })
                #expect(shown.map { without("continues", $0) } == wanted.map { without("continues", $0) })
            }
            for name in Self.names where reach.includes(name) {
                for part in ["", "/events", "/statement"] {
                    let whole = try await queries.get("/accounts/\(name)\(part)")
                    let shown = try await queries.get("/accounts/\(name)\(part)", as: caller)
                    #expect((shown.status, shown.text, shown.headers) == (whole.status, whole.text, whole.headers))
                }
            }
        }
    }

    private func withoutPositions(_ text: String) -> String {
        text.replacing(/"position":\d+/, with: "").replacing(/at position \d+/, with: "")
    }

    private func fields(_ answer: Queries.Answer) -> HTTPFields {
        var fields = answer.headers
        fields[.daybookPosition] = nil
        fields[.contentLength] = nil
        fields[.link] = fields[.link]?.replacing(/after=\d+(-[0-9a-f]{16})?&/, with: "")
        return fields
    }

    private func without(_ member: String, _ value: JSONValue) -> JSONValue {
        guard case .object(let members) = value else { return value }
        return .object(members.filter { $0.name != member })
    }
}

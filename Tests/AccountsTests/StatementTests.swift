import EventSourcing
import JSON
import TestSupport
import Testing

@testable import Accounts

@Suite struct StatementTests {
    @Test(arguments: 0..<10 as Range<UInt64>)
    func `I6: opening + credits − debits = closing, between any two versions`(seed: UInt64) throws {
        var random = try RandomHistory(seed: seed, steps: 200)
        for name in random.names {
            let history = random.ledger.histories[name] ?? []
            let currency = random.ledger.account(name).currency
            for _ in 0..<10 {
                let first = random.below(history.count + 1)
                let last = first + random.below(history.count - first + 1)
                let stream = TestLedger.stream(name)
                let opening = try Revision<Account>(of: stream, folding: history[..<first])
                let closing = try Revision<Account>(of: stream, folding: history[..<last])
                var statement = Statement(from: opening, in: currency)
                var rows: [StatementRow] = []
                for record in history[first..<last] {
                    if let row = try statement.apply(record) { rows.append(row) }
                }
                #expect(statement.rows == rows.count)
                #expect(statement.version == UInt64(last))
                let sum = rows.reduce(Int128(0)) { $0 + Int128($1.amount.minorUnits) }
                #expect(statement.credits.minorUnits - statement.debits.minorUnits == sum)
                #expect(
                    Int128(statement.openingBalance.minorUnits) + sum == Int128(statement.closingBalance.minorUnits))
                #expect(statement.closingBalance == (last == 0 ? .zero(in: currency) : closing.state.balance))
                var balance = statement.openingBalance.minorUnits
                for row in rows {
                    balance += row.amount.minorUnits
                    #expect(row.balance.minorUnits == balance)
                }
            }
        }
    }

    private func csv(_ details: MovementDetails) throws -> String {
        let stream = TestLedger.stream("a")
        let opened = AccountEvent.opened(owner: "A", initialBalance: money("1.00"), currency: .usd)
        var statement = Statement(
            from: try Revision(of: stream, folding: [record(opened, of: stream, version: 1)]), in: .usd)
        let row = try #require(
            try statement.apply(
                record(.withdrawn(amount: money("0.25"), details: details), of: stream, version: 2)))
        var bytes: [UInt8] = []
        row.writeCSV(to: &bytes)
        return text(bytes)
    }

    @Test func `a row with commas follows RFC 4180`() throws {
        let place = "2026-01-02T03:04:05.678902Z,2,41,MoneyWithdrawn,-0.25,0.75"
        #expect(try csv(.none) == place + ",,,,\r\n")
        #expect(
            try csv(
                MovementDetails(reference: "a,b", description: #"say "x""#, effectiveAt: CalendarDate("2026-01-31")))
                == place + #","a,b","say ""x""",2026-01-31,"# + "\r\n")
        #expect(try csv(MovementDetails(description: "a\r\nb")) == place + ",,\"a\r\nb\",,\r\n")
        #expect(try csv(MovementDetails(reference: "=1+1 é")) == place + ",=1+1 é,,,\r\n")
        #expect(StatementRow.csvHeader.split(separator: ",").count == 10)
    }
}

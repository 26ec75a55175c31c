import EventSourcing
import TestSupport
import Testing

@testable import Accounts

@Suite struct AccountTotalsTests {
    /// What the accounts of a range come to as of a time, account by account, and movement by movement.
    private func expected(
        _ records: [RecordedEvent], asOf time: Timestamp, in range: NameRange = .all
    ) throws -> [CurrencyTotals] {
        var accounts: [String: Revision<Account>] = [:]
        var flows: [Currency: (deposited: Int128, withdrawn: Int128)] = [:]
        for record in records where range.contains(record.stream.name) {
            var account = accounts[record.stream.name] ?? Revision(of: record.stream)
            let event = try account.next(record)
            try account.apply(record)
            accounts[record.stream.name] = account
            guard let movement = event.movement else { continue }
            if let other = movement.counterparty, range.contains(other.name) { continue }
            let amount = Int128(movement.amount.minorUnits)
            let (deposited, withdrawn) = movement.direction == .credit ? (amount, 0) : (0, amount)
            flows[account.state.currency, default: (0, 0)].deposited += deposited
            flows[account.state.currency, default: (0, 0)].withdrawn += withdrawn
        }
        return Dictionary(grouping: accounts.values) { $0.state.currency }.map { currency, accounts in
            func sum(_ amount: (Account) -> Money) -> TotalAmount {
                TotalAmount(accounts.reduce(0) { $0 + Int128(amount($1.state).minorUnits) }, in: currency)
            }
            return CurrencyTotals(
                currency: currency, accounts: accounts.count, balance: sum(\.balance), held: sum { $0.held(at: time) },
                deposited: TotalAmount(flows[currency]?.deposited ?? 0, in: currency),
                withdrawn: TotalAmount(flows[currency]?.withdrawn ?? 0, in: currency))
        }.sorted { $0.currency.code < $1.currency.code }
    }

    @Test(arguments: 0..<12 as Range<UInt64>)
    func `I6: at every cut totals are the sums of the accounts, and deposited − withdrawn = balance`(
        seed: UInt64
    ) throws {
        let random = try RandomHistory(seed: seed, steps: 250)
        let records = random.records
        var directory = AccountDirectory()
        var reversals = 0
        for (index, record) in records.enumerated() {
            directory.apply(record)
            reversals += record.type == "MovementReversed" ? 1 : 0
            let isCut = index + 1 == records.count || records[index + 1].recordedAt > record.recordedAt
            guard isCut, index % 5 == 0 || index + 1 == records.count else { continue }
            // As of the cut, of the next record, and of long after.
            let later = index + 1 < records.count ? records[index + 1].recordedAt : record.recordedAt
            for time in [record.recordedAt, later, .latest] {
                let totals = directory.totals(asOf: time)
                #expect(totals == (try expected(Array(records[...index]), asOf: time)), "\(record.position)")
                for each in totals {
                    #expect(each.deposited.minorUnits - each.withdrawn.minorUnits == each.balance.minorUnits)
                }
                var past = PastTotals(at: time)
                for record in records[...index] {
                    let isBefore = past.apply(record)
                    #expect(isBefore)
                }
                #expect(past.totals(now: time) == totals)
            }
        }
        #expect(reversals > 0)
    }

    @Test(arguments: 0..<6 as Range<UInt64>)
    func `I5: totals of the past are those of the records up to then`(seed: UInt64) throws {
        var random = try RandomHistory(seed: seed, steps: 120)
        let records = random.records
        for _ in 0..<20 {
            let time = records[random.below(records.count)].recordedAt
            var past = PastTotals(at: time)
            for record in records where !past.apply(record) { break }
            #expect(past.totals(now: time) == (try expected(records.filter { $0.recordedAt <= time }, asOf: time)))
        }
    }

    @Test(arguments: 0..<6 as Range<UInt64>)
    func `I6: of some accounts alone, what moved beyond them is deposited or withdrawn`(seed: UInt64) throws {
        let names = ["till-1", "till-1-a", "till-2-a", "till-2-b", "vault", "till-2-"]
        let random = try RandomHistory(seed: seed, steps: 200, names: names)
        let records = random.records
        let ranges: [NameRange] = [
            .all, .none, .prefix("till-2-"), .prefix("till-"), .prefix("none"), .one("till-1"), .one("vault"),
            .one("v"),
        ]
        for range in ranges {
            for time in [nil, records[120].recordedAt, records[60].recordedAt] {
                var fold = PastTotals(at: time, of: range)
                for record in records where !fold.apply(record) { break }
                let now = Timestamp(microseconds: random.ledger.time.microseconds + 5_000_000)
                let totals = fold.totals(now: now)
                let counted = records.filter { record in time.map { record.recordedAt <= $0 } ?? true }
                #expect(totals == (try expected(counted, asOf: time ?? now, in: range)), "\(range)")
                for each in totals {
                    #expect(each.deposited.minorUnits - each.withdrawn.minorUnits == each.balance.minorUnits)
                }
                // What happens beyond the range makes no difference, whatever it is.
                var alone = PastTotals(at: time, of: range)
                for record in records where range.contains(record.stream.name) {
                    if !alone.apply(record) { break }
                }
                #expect(alone.totals(now: now) == totals)
                #expect(alone.unreadableAccounts == 0)
            }
        }
    }

    @Test(arguments: 0..<6 as Range<UInt64>)
    func `I5: totals and unreadable accounts come back from a checkpoint, and go on alike`(seed: UInt64) throws {
        let random = try RandomHistory(seed: seed, steps: 200)
        var records = random.records
        // An account that no program can read from the middle on.
        let middle = records[records.count / 2]
        let index = records.count / 2
        records[index] = RecordedEvent(
            position: middle.position, stream: middle.stream, streamVersion: middle.streamVersion,
            recordedAt: middle.recordedAt,
            event: NewEvent(id: middle.event.id, type: "Unknown", schemaVersion: 2, data: Array("{}".utf8)),
            hash: middle.hash)
        for cut in [0, index, index + 1, index + 20, records.count] {
            var whole = AccountDirectory()
            for record in records[..<cut] { whole.apply(record) }
            var lines: [[UInt8]] = []
            whole.write { lines.append($0) }
            var rest = lines[...]
            var back = try AccountDirectory { rest.popFirst() }
            for record in records[cut...] {
                whole.apply(record)
                back.apply(record)
            }
            #expect(back.totals(asOf: .earliest) == whole.totals(asOf: .earliest))
            #expect(back.totals(asOf: .latest) == whole.totals(asOf: .latest))
            #expect(back.recordedAt == whole.recordedAt)
            #expect(back.unreadableAccounts() == 1)
            var (one, other): ([[UInt8]], [[UInt8]]) = ([], [])
            whole.write { one.append($0) }
            back.write { other.append($0) }
            #expect(one == other)
            // Whatever is left out, what is told ties.
            for each in whole.totals(asOf: .latest) {
                #expect(each.deposited.minorUnits - each.withdrawn.minorUnits == each.balance.minorUnits)
                #expect(each.deposited.minorUnits >= 0 && each.withdrawn.minorUnits >= 0)
            }
        }
    }

    @Test func `a sum has as many digits as it needs`() {
        let usd = Currency.usd
        #expect(TotalAmount(0, in: usd).description == "0.00")
        #expect(TotalAmount(-5, in: usd).description == "-0.05")
        #expect(TotalAmount(123_456, in: usd).description == "1234.56")
        #expect(TotalAmount(7, in: Currency("JPY")!).description == "7")
        #expect(TotalAmount(7, in: Currency("CLF")!).description == "0.0007")
        #expect(TotalAmount(1_000_000_000_000_000_000_000, in: usd).description == "10000000000000000000.00")
    }
}

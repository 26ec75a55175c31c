import Accounts
import EventSourcing
import TestSupport
import Testing

/// The invariants of the architecture that the domain answers for, on random histories. A failure names its seed.
@Suite struct InvariantTests {
    /// A command that is often wrong: too large, too fine, out of turn.
    static func command(_ generator: inout SeededGenerator, _ currency: Currency) -> AccountCommand {
        let bound = (0..<Int.random(in: 1...15, using: &generator)).reduce(Int64(1)) { bound, _ in bound * 10 } - 1
        let units = Int64.random(in: -bound / 20...bound, using: &generator)
        // Mostly the currency's own digits; sometimes others, which may be too many.
        let digits =
            Int.random(in: 0..<8, using: &generator) == 0
            ? Int.random(in: 0...4, using: &generator) : currency.fractionDigits
        let amount = DecimalNumber(Money(minorUnits: units, fractionDigits: digits)!)
        switch Int.random(in: 0..<20, using: &generator) {
        case 0: return .open(owner: "Again", initialBalance: amount, currency: currency)
        case 1..<11: return .deposit(amount: amount)
        default: return .withdraw(amount: amount)
        }
    }

    /// Obeys random commands one after another, giving each step to `check`.
    static func live(
        _ seed: UInt64, steps: Int = 150,
        check: (_ before: Account, _ command: AccountCommand, _ events: [AccountEvent]?, _ after: Account) throws ->
            Void
    ) throws {
        var generator = SeededGenerator(seed: seed)
        let currency = currencies.randomElement(using: &generator)!
        var account = Account()
        for step in 0..<steps {
            let before = account
            let command =
                step == 5
                ? .open(owner: "A", initialBalance: number("1000"), currency: currency)
                : command(&generator, currency)
            let events = try? decide(account, command)
            for event in events ?? [] { try account.apply(event) }
            try check(before, command, events, account)
        }
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `I5: the fold of the history equals the state that was reached step by step, at every version`(
        _ seed: UInt64
    ) throws {
        let stream = StreamID(category: Account.category, name: "acc-\(seed)")!
        var history: [RecordedEvent] = []
        var states = [Account()]
        try Self.live(seed) { _, _, events, after in
            for event in events ?? [] {
                history.append(record(event, of: stream, version: UInt64(history.count + 1)))
                states.append(after)
            }
        }
        #expect(history.count > 20)
        var stepwise = Revision<Account>(of: stream)
        for version in 0...history.count {
            if version > 0 { try stepwise.apply(history[version - 1]) }
            let replayed = try Revision<Account>(of: stream, folding: history.prefix(version))
            #expect(replayed.state == states[version])
            #expect(replayed == stepwise)
            #expect(replayed.version == UInt64(version))
            #expect(RenderingTests.rendered(replayed) == RenderingTests.rendered(stepwise))
        }
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `I6: money is exact and conserved, and never below zero`(_ seed: UInt64) throws {
        // The ledger that the account is held against: whole minor units in a wider type than the account's.
        var ledger: Int128 = 0
        var obeyed = 0
        try Self.live(seed) { _, command, events, after in
            guard let events else { return }
            obeyed += 1
            #expect(events.count == 1)
            let scale = [10_000, 1000, 100, 10, 1][after.currency.fractionDigits] as Int128
            // The command's own figure, read from its text by plain arithmetic.
            func units(_ number: DecimalNumber) throws -> Int128 {
                let parts = number.description.split(separator: ".")
                let fraction = parts.count > 1 ? String(parts[1]) : ""
                let padded = String(parts[0]) + fraction + String(repeating: "0", count: 4 - fraction.utf8.count)
                let tenThousandths = try #require(Int128(padded))
                #expect(tenThousandths % scale == 0)
                return tenThousandths / scale
            }
            switch command {
            case .open(_, let number, _, _, _): ledger += try units(number)
            case .deposit(let number, _):
                let amount = try units(number)
                #expect(amount > 0)
                ledger += amount
            case .withdraw(let number, _):
                let amount = try units(number)
                #expect(amount > 0)
                ledger -= amount
            default: Issue.record("\(command) is none of these tests")
            }
            #expect(Int128(after.balance.minorUnits) == ledger)
            #expect(after.balance.fractionDigits == after.currency.fractionDigits)
            #expect((0...999_999_999_999_999).contains(ledger))
        }
        #expect(obeyed > 20)
    }

    @Test(arguments: 0..<40 as Range<UInt64>)
    func `I6: a refused command changes nothing, and only what must be is refused`(_ seed: UInt64) throws {
        var refused = 0
        try Self.live(seed) { before, command, events, after in
            guard events == nil else { return }
            refused += 1
            #expect(after == before)
            switch (try #require(refusal(before, command)), command) {
            case (
                .insufficientFunds(let available, let requested, let shortfall, let currency), .withdraw(let number, _)
            ):
                #expect(available == before.balance)
                #expect(DecimalNumber(requested) == number)
                #expect(shortfall.minorUnits == requested.minorUnits - available.minorUnits)
                #expect(shortfall.minorUnits > 0)
                #expect(currency == before.currency)
            case (.notFound, .deposit), (.notFound, .withdraw): #expect(before.status == .absent)
            case (.alreadyOpen, .open): #expect(before.status == .open)
            case (.amountOutOfRange(let pointer, _), .deposit(let number, _)):
                #expect(pointer == "/amount")
                let amount = (try? number.money(in: before.currency))?.minorUnits ?? .max / 2
                #expect(before.balance.minorUnits + amount > Money.largestMinorUnits)
            case (.amountOutOfRange(_, _), _), (.invalidField(_, _), _):
                break
            case (let refusal, _): Issue.record("\(refusal) does not fit \(command)")
            }
        }
        #expect(refused > 10)
    }

    @Test func `I5: a history that skips, repeats or mixes streams is refused and changes nothing`() throws {
        let stream = StreamID(category: Account.category, name: "a")!
        let other = StreamID(category: Account.category, name: "b")!
        let opened = AccountEvent.opened(owner: "A", initialBalance: money("1.00"), currency: .usd)
        let paid = AccountEvent.deposited(amount: money("1.00"))
        let before = try Revision<Account>(of: stream, folding: [record(opened, of: stream, version: 1)])
        let wrong = [
            record(paid, of: stream, version: 1), record(paid, of: stream, version: 3),
            record(paid, of: other, version: 2),
            record(opened, of: stream, version: 2), record(.withdrawn(amount: money("1.01")), of: stream, version: 2),
            record(.deposited(amount: money("1")), of: stream, version: 2),
        ]
        for record in wrong {
            var revision = before
            #expect(throws: RevisionError.self) { try revision.apply(record) }
            #expect(revision == before)
        }
    }
}

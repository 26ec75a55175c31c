import Accounts
import EventSourcing
import Testing

@Suite struct LimitTests {
    @Test func `an overdraft lets the balance below zero, no further than it goes`() throws {
        var ledger = TestLedger()
        try ledger.open("a", "10", overdraft: "50")
        #expect(ledger.available("a") == "60.00")
        #expect(
            ledger.refusal(.withdraw(amount: number("60.01")), on: "a")
                == .insufficientFunds(
                    available: money("60.00"), requested: money("60.01"), shortfall: money("0.01"), currency: .usd))
        try ledger.execute(.withdraw(amount: number("60")), on: "a")
        #expect((ledger.balance("a"), ledger.available("a")) == ("-50.00", "0.00"))
    }

    @Test func `a maximum concerns the balance after a credit`() throws {
        var ledger = TestLedger()
        try ledger.open("a", "10", overdraft: "50", maximum: "100")
        #expect(ledger.refusal(.deposit(amount: number("90")), on: "a") == nil)
        #expect(
            ledger.refusal(.deposit(amount: number("90.01")), on: "a")
                == .limitExceeded(
                    maximum: money("100.00"), balance: money("10.00"), requested: money("90.01"), currency: .usd))
        try ledger.execute(.withdraw(amount: number("60")), on: "a")
        #expect(ledger.refusal(.deposit(amount: number("150")), on: "a") == nil)
        #expect(throws: AccountRefusal.self) { try ledger.open("b", "100.01", maximum: "100") }
        try ledger.open("b", "100", maximum: "100")
        try ledger.open("zero", "0", maximum: "0")
    }

    @Test func `lowered limits refuse new movements, never old ones`() throws {
        var ledger = TestLedger()
        try ledger.open("a", "0", overdraft: "50")
        try ledger.execute(.withdraw(amount: number("50")), on: "a")
        try ledger.execute(.setLimits(overdraft: .set(number("20")), maximumBalance: .unchanged), on: "a")
        #expect((ledger.balance("a"), ledger.available("a")) == ("-50.00", "-30.00"))
        #expect(
            ledger.refusal(.withdraw(amount: number("0.01")), on: "a")
                == .insufficientFunds(
                    available: money("-30.00"), requested: money("0.01"), shortfall: money("30.01"), currency: .usd))
        try ledger.execute(.deposit(amount: number("100")), on: "a")
        try ledger.execute(.setLimits(overdraft: .unchanged, maximumBalance: .set(number("10"))), on: "a")
        #expect(ledger.refusal(.deposit(amount: number("0.01")), on: "a") != nil)
        #expect(ledger.refusal(.withdraw(amount: number("1")), on: "a") == nil)
    }

    @Test func `a limit is set, taken away or left as it is, and always recorded`() throws {
        var ledger = TestLedger()
        try ledger.open("a", "0")
        func limits() -> [String?] {
            [ledger.account("a").overdraft?.description, ledger.account("a").maximumBalance?.description]
        }
        let steps: [(LimitChange<DecimalNumber>, LimitChange<DecimalNumber>, [String?])] = [
            (.set(number("5")), .unchanged, ["5.00", nil]), (.unchanged, .set(number("7")), ["5.00", "7.00"]),
            (.removed, .unchanged, [nil, "7.00"]), (.removed, .removed, [nil, nil]),
            (.removed, .set(number("0")), [nil, "0.00"]),
        ]
        for (overdraft, maximum, expected) in steps {
            let events = try ledger.execute(.setLimits(overdraft: overdraft, maximumBalance: maximum), on: "a")
            #expect(events.count == 1)
            #expect(limits() == expected)
        }
        let command = AccountCommand.setLimits(overdraft: .set(number("0.001")), maximumBalance: .unchanged)
        #expect(
            ledger.refusal(command, on: "a")
                == .invalidField(pointer: "/overdraft", detail: "expected at most 2 fractional digits, as USD has"))
        #expect(ledger.refusal(command, on: "none") == .notFound)
        #expect(
            ledger.refusal(.setLimits(overdraft: .unchanged, maximumBalance: .unchanged), on: "a")
                == .invalidField(pointer: "/overdraft", detail: "expected overdraft, maximum_balance or both"))
    }

    @Test func `the largest balance and overdraft together are shown as the most that can be taken out`() throws {
        var ledger = TestLedger()
        let largest = "9999999999999.99"
        try ledger.open("a", largest, overdraft: largest)
        #expect(ledger.available("a") == largest)
        #expect(ledger.refusal(.deposit(amount: number("0.01")), on: "a") != nil)
        for _ in 0..<2 { try ledger.execute(.withdraw(amount: number(largest)), on: "a") }
        #expect((ledger.balance("a"), ledger.available("a")) == ("-" + largest, "0.00"))
        #expect(ledger.refusal(.withdraw(amount: number("0.01")), on: "a") != nil)
        try ledger.execute(.setLimits(overdraft: .removed, maximumBalance: .unchanged), on: "a")
        #expect(
            ledger.refusal(.withdraw(amount: number(largest)), on: "a")
                == .insufficientFunds(
                    available: money("-" + largest), requested: money(largest), shortfall: money(largest),
                    currency: .usd))
        #expect(try Account(snapshotState: ledger.account("a").snapshotState) == ledger.account("a"))
    }
}

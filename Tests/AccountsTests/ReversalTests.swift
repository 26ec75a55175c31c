import Accounts
import EventSourcing
import Testing

@Suite struct ReversalTests {
    private static func reverse(_ version: UInt64) -> AccountCommand { .reverse(version: version, reason: "mistake") }

    private static func ledger() throws -> TestLedger {
        var ledger = TestLedger()
        try ledger.open("a", "100")
        try ledger.open("b", "10")
        return ledger
    }

    @Test func `a reversal gives the opposite movement, once, and names what it reverses`() throws {
        var ledger = try Self.ledger()
        try ledger.execute(.deposit(amount: number("5")), on: "a")
        try ledger.execute(.withdraw(amount: number("7")), on: "a")
        let details = MovementDetails(reference: "R")
        #expect(
            try ledger.execute(.reverse(version: 2, reason: "mistake", details: details), on: "a")
                == [
                    .reversed(
                        Reversal(
                            amount: money("5.00"), reverses: 2, direction: .debit, reason: "mistake", details: details))
                ])
        #expect(
            try ledger.execute(Self.reverse(3), on: "a")
                == [.reversed(Reversal(amount: money("7.00"), reverses: 3, direction: .credit, reason: "mistake"))])
        #expect(ledger.balance("a") == "100.00")
        #expect(ledger.refusal(Self.reverse(2), on: "a") == .alreadyReversed(version: 4))
        #expect(ledger.refusal(Self.reverse(3), on: "a") == .alreadyReversed(version: 5))
        #expect(ledger.account("a").reversal(of: 2) == 4)
    }

    @Test func `a transfer is reversed on both accounts, from either side, once`() throws {
        for (side, other) in [("a", "b"), ("b", "a")] {
            var ledger = try Self.ledger()
            try ledger.execute(.deposit(amount: number("1")), on: "b")
            try ledger.execute(.transfer(to: TestLedger.stream("b"), amount: number("30")), on: "a")
            let first = try #require(ledger.revision("a").lastEvent)
            let version = ledger.revision(side).version
            try ledger.execute(Self.reverse(version), on: side)
            #expect((ledger.balance("a"), ledger.balance("b")) == ("100.00", "11.00"))
            let transfer = try #require(ledger.revision(side).lastEvent)
            #expect(transfer != first)
            for (name, counterparty, direction) in [
                ("a", "b", MovementDirection.credit), ("b", "a", MovementDirection.debit),
            ] {
                #expect(
                    ledger.events(name).last
                        == .reversed(
                            Reversal(
                                amount: money("30.00"), reverses: ledger.revision(name).version - 1,
                                direction: direction, reason: "mistake",
                                link: TransferLink(
                                    counterparty: TestLedger.stream(counterparty), transfer: transfer))))
            }
            #expect(
                ledger.refusal(Self.reverse(version), on: side) == .alreadyReversed(version: version + 1))
            let otherVersion = ledger.revision(other).version
            #expect(
                ledger.refusal(Self.reverse(otherVersion - 1), on: other) == .alreadyReversed(version: otherVersion))
        }
    }

    @Test func `what is no movement of its own cannot be reversed`() throws {
        var ledger = try Self.ledger()
        try ledger.execute(.placeHold(hold: hold("h"), amount: number("5")), on: "a")
        try ledger.execute(.placeHold(hold: hold("i"), amount: number("5")), on: "a")
        try ledger.execute(.placeHold(hold: hold("j"), amount: number("5"), expiry: .after(seconds: 1)), on: "a")
        try ledger.execute(.captureHold(hold: hold("h"), to: TestLedger.stream("b")), on: "a")
        try ledger.execute(.releaseHold(hold: hold("i")), on: "a")
        ledger.wait(1)
        try ledger.execute(.setLimits(overdraft: .removed, maximumBalance: .unchanged), on: "a")
        try ledger.execute(.freeze(direction: .all, reason: "r"), on: "a")
        try ledger.execute(.unfreeze(reason: "r"), on: "a")
        try ledger.execute(.deposit(amount: number("1")), on: "a")
        try ledger.execute(Self.reverse(11), on: "a")
        for version in 1...12 as ClosedRange<UInt64> where version != 11 {
            #expect(ledger.refusal(Self.reverse(version), on: "a") == .notReversible(version: version))
        }
        // What was received by a capture.
        #expect(ledger.refusal(Self.reverse(2), on: "b") == .notReversible(version: 2))
        #expect(ledger.refusal(Self.reverse(13), on: "a") == .eventNotFound(version: 13))
        #expect(ledger.refusal(Self.reverse(RecordedEvent.maxOrdinal), on: "a") == .eventNotFound(version: .max >> 1))
        #expect(ledger.refusal(Self.reverse(1), on: "none") == .notFound)
    }

    @Test func `a reversal is refused if the money is no longer available, with the account that lacks it`() throws {
        var ledger = try Self.ledger()
        try ledger.execute(.deposit(amount: number("5")), on: "a")
        try ledger.execute(.withdraw(amount: number("101")), on: "a")
        let short = AccountRefusal.insufficientFunds(
            available: money("4.00"), requested: money("5.00"), shortfall: money("1.00"), currency: .usd)
        #expect(ledger.refusal(Self.reverse(2), on: "a") == short)
        // The overdraft counts, and what is held does not.
        try ledger.execute(.setLimits(overdraft: .set(number("1")), maximumBalance: .unchanged), on: "a")
        #expect(ledger.refusal(Self.reverse(2), on: "a") == nil)
        try ledger.execute(.placeHold(hold: hold("h"), amount: number("1")), on: "a")
        #expect(ledger.refusal(Self.reverse(2), on: "a") == short)

        try ledger.execute(.transfer(to: TestLedger.stream("b"), amount: number("4")), on: "a")
        try ledger.execute(.withdraw(amount: number("11")), on: "b")
        #expect(
            ledger.refusal(Self.reverse(ledger.revision("a").version), on: "a")
                == .counterparty(
                    TestLedger.stream("b"),
                    .insufficientFunds(
                        available: money("3.00"), requested: money("4.00"), shortfall: money("1.00"), currency: .usd)))
    }

    @Test func `limits, freezes and closings of both accounts hold for reversals`() throws {
        var ledger = try Self.ledger()
        let (a, b) = (TestLedger.stream("a"), TestLedger.stream("b"))
        try ledger.execute(.transfer(to: b, amount: number("30")), on: "a")
        try ledger.execute(.setLimits(overdraft: .unchanged, maximumBalance: .set(number("99.99"))), on: "a")
        let limit = AccountRefusal.limitExceeded(
            maximum: money("99.99"), balance: money("70.00"), requested: money("30.00"), currency: .usd)
        #expect(ledger.refusal(Self.reverse(2), on: "a") == limit)
        #expect(ledger.refusal(Self.reverse(2), on: "b") == .counterparty(a, limit))
        try ledger.execute(.setLimits(overdraft: .unchanged, maximumBalance: .removed), on: "a")
        try ledger.execute(.freeze(direction: .credits, reason: "f"), on: "a")
        #expect(
            ledger.refusal(Self.reverse(2), on: "b")
                == .counterparty(a, .frozen(AccountFreeze(.credits, reason: "f"))))
        try ledger.execute(.freeze(direction: .debits, reason: "f"), on: "a")
        #expect(ledger.refusal(Self.reverse(2), on: "b") == nil)
        try ledger.execute(.withdraw(amount: number("40")), on: "b")
        try ledger.execute(.close(reason: "r"), on: "b")
        #expect(ledger.refusal(Self.reverse(2), on: "a") == .counterparty(b, .closed))
        #expect(ledger.refusal(Self.reverse(2), on: "b") == .closed)
    }

    @Test func `the reversal of a transfer is decided over the other account; any other over its own alone`() throws {
        let side = TransferSide(
            amount: money("1.00"), counterparty: TestLedger.stream("b"), counterpartyVersion: 2,
            transfer: UniqueID(high: 1, low: 2))
        let captured = TransferSide(
            amount: money("1.00"), counterparty: TestLedger.stream("b"), counterpartyVersion: 2,
            transfer: UniqueID(high: 1, low: 2), hold: hold("h"))
        func others(_ event: AccountEvent, on name: String = "a") -> [String] {
            Account.otherStreams(for: Self.reverse(2), on: TestLedger.stream(name), referring: event).map(\.name)
        }
        #expect(Account.referredVersion(in: Self.reverse(7)) == 7)
        #expect(Account.referredVersion(in: .deposit(amount: number("1"))) == nil)
        #expect((others(.sent(side)), others(.received(side)), others(.received(captured))) == (["b"], ["b"], []))
        #expect(others(.deposited(amount: money("1.00"))) == [])
        // A forged record that names its own account.
        #expect(others(.sent(side), on: "b") == [])
    }

    @Test func `a transfer whose other side was reversed alone is not reversed again`() throws {
        var ledger = try Self.ledger()
        try ledger.execute(.transfer(to: TestLedger.stream("b"), amount: number("30")), on: "a")
        let forged = Reversal(amount: money("1.00"), reverses: 2, direction: .debit, reason: "r")
        try ledger.record(.reversed(forged), on: "b", id: UniqueID(high: 1, low: 2))
        #expect(
            ledger.refusal(Self.reverse(2), on: "a")
                == .counterparty(TestLedger.stream("b"), .alreadyReversed(version: 3)))
    }

    @Test func `a forged side of a transfer is refused and trapped by nothing`() throws {
        var ledger = try Self.ledger()
        for (version, refusal) in [
            (1 as UInt64, AccountRefusal.eventNotFound(version: 1)), (99, .eventNotFound(version: 99)),
        ] {
            let side = TransferSide(
                amount: money("1.00"), counterparty: TestLedger.stream("b"), counterpartyVersion: version,
                transfer: UniqueID(high: 1, low: 2))
            try ledger.record(.sent(side), on: "a", id: UniqueID(high: 1, low: 2))
            #expect(
                ledger.refusal(Self.reverse(ledger.revision("a").version), on: "a")
                    == .counterparty(TestLedger.stream("b"), refusal))
        }
    }
}

import Accounts
import EventSourcing
import Testing

@Suite struct TransferTests {
    private static func ledger() throws -> TestLedger {
        var ledger = TestLedger()
        try ledger.open("a", "100", overdraft: "50")
        try ledger.open("b", "10", maximum: "500")
        try ledger.open("yen", "1000", "JPY")
        return ledger
    }

    private static func transfer(_ amount: String, to: String) -> AccountCommand {
        .transfer(to: TestLedger.stream(to), amount: number(amount))
    }

    @Test func `both accounts record the transfer, under the id of the sender's event`() throws {
        var ledger = try Self.ledger()
        try ledger.execute(.deposit(amount: number("1")), on: "b")
        let details = MovementDetails(reference: "R-1", description: "", effectiveAt: CalendarDate("2026-01-31"))
        try ledger.execute(
            .transfer(to: TestLedger.stream("b"), amount: number("120.5"), details: details), on: "a")
        let transfer = try #require(ledger.revision("a").lastEvent)
        #expect(
            ledger.events("a").last
                == .sent(
                    TransferSide(
                        amount: money("120.50"), counterparty: TestLedger.stream("b"), counterpartyVersion: 3,
                        transfer: transfer, details: details)))
        #expect(
            ledger.events("b").last
                == .received(
                    TransferSide(
                        amount: money("120.50"), counterparty: TestLedger.stream("a"), counterpartyVersion: 2,
                        transfer: transfer, details: details)))
        #expect((ledger.balance("a"), ledger.balance("b")) == ("-20.50", "131.50"))
        #expect(ledger.available("a") == "29.50")
    }

    @Test func `a transfer needs two different open accounts of one currency`() throws {
        var ledger = try Self.ledger()
        try ledger.open("gone", "0")
        try ledger.execute(.close(reason: "r"), on: "gone")
        func other(_ name: String, _ refusal: AccountRefusal) -> AccountRefusal {
            .counterparty(TestLedger.stream(name), refusal)
        }
        let usd = Currency.usd
        let cases: [(from: String, to: String, amount: String, AccountRefusal?)] = [
            ("a", "b", "150", nil), ("a", "a", "1", .sameAccount), ("none", "a", "1", .notFound),
            ("a", "none", "1", other("none", .notFound)), ("gone", "a", "1", .closed),
            ("a", "gone", "1", other("gone", .closed)),
            ("a", "yen", "1", .currencyMismatch(currency: usd, other: Currency("JPY")!)),
            ("yen", "a", "1", .currencyMismatch(currency: Currency("JPY")!, other: usd)),
            (
                "a", "b", "150.01",
                .insufficientFunds(
                    available: money("150.00"), requested: money("150.01"), shortfall: money("0.01"), currency: usd)
            ),
            (
                "b", "a", "10.01",
                .insufficientFunds(
                    available: money("10.00"), requested: money("10.01"), shortfall: money("0.01"), currency: usd)
            ),
            (
                "a", "b", "0.001",
                .invalidField(pointer: "/amount", detail: "expected at most 2 fractional digits, as USD has")
            ),
        ]
        for (from, to, amount, refusal) in cases {
            #expect(ledger.refusal(Self.transfer(amount, to: to), on: from) == refusal, "\(from) \(to) \(amount)")
        }
    }

    @Test func `the receiver's limits, freeze and bound refuse a transfer, and are named`() throws {
        var ledger = try Self.ledger()
        try ledger.open("rich", "9000000000000")
        let receiver = TestLedger.stream("b")
        #expect(ledger.refusal(Self.transfer("490", to: "b"), on: "rich") == nil)
        #expect(
            ledger.refusal(Self.transfer("490.01", to: "b"), on: "rich")
                == .counterparty(
                    receiver,
                    .limitExceeded(
                        maximum: money("500.00"), balance: money("10.00"), requested: money("490.01"), currency: .usd)))
        try ledger.execute(.freeze(direction: .credits, reason: "f"), on: "b")
        #expect(
            ledger.refusal(Self.transfer("1", to: "b"), on: "a")
                == .counterparty(receiver, .frozen(AccountFreeze(.credits, reason: "f"))))
        // What goes out of it is not refused.
        #expect(ledger.refusal(Self.transfer("1", to: "a"), on: "b") == nil)
        try ledger.execute(.freeze(direction: .debits, reason: "f"), on: "b")
        #expect(ledger.refusal(Self.transfer("1", to: "b"), on: "a") == nil)
        #expect(
            ledger.refusal(Self.transfer("1", to: "a"), on: "b") == .frozen(AccountFreeze(.debits, reason: "f")))
        try ledger.open("full", "9999999999999.99")
        #expect(
            ledger.refusal(Self.transfer("0.01", to: "full"), on: "a")
                == .counterparty(
                    TestLedger.stream("full"),
                    .amountOutOfRange(
                        pointer: "/amount", detail: "no amount and no balance in USD may be beyond 9999999999999.99")))
    }

    @Test func `a transfer is decided over the other account, which is named once and is never its own`() {
        let stream = TestLedger.stream("a")
        func others(_ command: AccountCommand) -> [String] {
            Account.otherStreams(for: command, on: stream, referring: nil).map(\.name)
        }
        #expect(others(Self.transfer("1", to: "b")) == ["b"])
        #expect(others(Self.transfer("1", to: "a")) == [])
        #expect(others(.captureHold(hold: hold("h"), to: TestLedger.stream("b"))) == ["b"])
        #expect(others(.captureHold(hold: hold("h"))) == [])
        #expect(others(.deposit(amount: number("1"))) == [])
        #expect(others(.reverse(version: 2, reason: "r")) == [])
    }

    @Test func `a decision without the other account is refused, not guessed`() throws {
        let ledger = try Self.ledger()
        let context = DecisionContext(ledger.revision("a"), at: ledger.time, eventID: UniqueID(high: 1, low: 2))
        #expect(throws: AccountRefusal.counterparty(TestLedger.stream("b"), .notFound)) {
            try Account.decide(Self.transfer("1", to: "b"), in: context)
        }
    }

    @Test func `expiries that are due are recorded first on both accounts, and counted in the versions`() throws {
        var ledger = try Self.ledger()
        try ledger.execute(.deposit(amount: number("10")), on: "b")
        for name in ["a", "b"] {
            for id in ["1", "2"] {
                try ledger.execute(
                    .placeHold(hold: hold(id), amount: number("5"), expiry: .after(seconds: 60)), on: name)
            }
        }
        try ledger.execute(.placeHold(hold: hold("3"), amount: number("5")), on: "b")
        ledger.wait(60)
        try ledger.execute(Self.transfer("150", to: "b"), on: "a")
        #expect(ledger.events("a").suffix(3).map(\.type) == ["HoldExpired", "HoldExpired", "MoneySent"])
        #expect(ledger.events("b").suffix(3).map(\.type) == ["HoldExpired", "HoldExpired", "MoneyReceived"])
        guard case .sent(let sent) = ledger.events("a").last, case .received(let received) = ledger.events("b").last
        else { return #expect(Bool(false)) }
        #expect(sent.counterpartyVersion == ledger.revision("b").version)
        #expect(received.counterpartyVersion == ledger.revision("a").version)
        #expect(sent.transfer == ledger.revision("a").lastEvent)
        #expect((ledger.held("a"), ledger.held("b")) == ("0.00", "5.00"))
    }
}

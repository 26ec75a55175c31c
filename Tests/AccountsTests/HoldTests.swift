import Accounts
import EventSourcing
import Testing

@Suite struct HoldTests {
    private static func place(_ name: String, _ amount: String, _ seconds: Int64? = nil) -> AccountCommand {
        .placeHold(hold: hold(name), amount: number(amount), expiry: seconds.map { .after(seconds: $0) })
    }

    private static func short(_ available: String, _ requested: String, _ shortfall: String) -> AccountRefusal {
        .insufficientFunds(
            available: money(available), requested: money(requested), shortfall: money(shortfall), currency: .usd)
    }

    private static func ledger() throws -> TestLedger {
        var ledger = TestLedger()
        try ledger.open("a", "100")
        try ledger.open("b", "0")
        return ledger
    }

    @Test func `what is held is not available, and still in the balance`() throws {
        var ledger = try Self.ledger()
        try ledger.execute(Self.place("h", "30"), on: "a")
        #expect((ledger.balance("a"), ledger.held("a"), ledger.available("a")) == ("100.00", "30.00", "70.00"))
        #expect(ledger.refusal(.withdraw(amount: number("70.01")), on: "a") == Self.short("70.00", "70.01", "0.01"))
        #expect(ledger.refusal(.withdraw(amount: number("70")), on: "a") == nil)
        #expect(ledger.refusal(Self.place("i", "70.01"), on: "a") == Self.short("70.00", "70.01", "0.01"))
        #expect(ledger.refusal(Self.place("i", "70"), on: "a") == nil)
    }

    @Test func `a hold never draws on the overdraft`() throws {
        var ledger = TestLedger()
        try ledger.open("a", "10", overdraft: "100")
        #expect(ledger.refusal(Self.place("h", "10.01"), on: "a") == Self.short("10.00", "10.01", "0.01"))
        try ledger.execute(Self.place("h", "10"), on: "a")
        #expect(ledger.available("a") == "100.00")
        // What is held stays covered, even if the overdraft is used up.
        try ledger.execute(.withdraw(amount: number("100")), on: "a")
        #expect((ledger.balance("a"), ledger.available("a")) == ("-90.00", "0.00"))
        try ledger.execute(.captureHold(hold: hold("h")), on: "a")
        #expect((ledger.balance("a"), ledger.held("a"), ledger.available("a")) == ("-100.00", "0.00", "0.00"))
        #expect(ledger.refusal(Self.place("i", "0.01"), on: "a") == Self.short("-100.00", "0.01", "100.01"))
    }

    @Test func `a capture takes the whole or a part, and what is left is free again`() throws {
        var ledger = try Self.ledger()
        try ledger.execute(Self.place("h", "30"), on: "a")
        try ledger.execute(Self.place("i", "30"), on: "a")
        #expect(
            ledger.refusal(.captureHold(hold: hold("h"), amount: number("30.01")), on: "a")
                == Self.short("30.00", "30.01", "0.01"))
        let part = try ledger.execute(.captureHold(hold: hold("h"), amount: number("10")), on: "a")
        #expect(
            part == [.holdCaptured(HoldCapture(hold: hold("h"), amount: money("10.00"), released: money("20.00")))])
        #expect((ledger.balance("a"), ledger.held("a"), ledger.available("a")) == ("90.00", "30.00", "60.00"))
        let whole = try ledger.execute(.captureHold(hold: hold("i"), amount: number("30.0")), on: "a")
        #expect(whole == [.holdCaptured(HoldCapture(hold: hold("i"), amount: money("30.00")))])
        #expect((ledger.balance("a"), ledger.held("a"), ledger.available("a")) == ("60.00", "0.00", "60.00"))
    }

    @Test func `a hold is resolved once, and the second resolution is told how the first one ended`() throws {
        var ledger = try Self.ledger()
        for name in ["c", "r", "e"] { try ledger.execute(Self.place(name, "1", name == "e" ? 60 : nil), on: "a") }
        try ledger.execute(.captureHold(hold: hold("c")), on: "a")
        try ledger.execute(.releaseHold(hold: hold("r")), on: "a")
        ledger.wait(60)
        func again(_ name: String, _ kind: HoldResolution.Kind, _ version: UInt64?) {
            let expected = AccountRefusal.holdResolved(hold(name), HoldResolution(kind, version: version))
            #expect(ledger.refusal(.captureHold(hold: hold(name)), on: "a") == expected)
            #expect(ledger.refusal(.captureHold(hold: hold(name), amount: number("9")), on: "a") == expected)
            #expect(ledger.refusal(.releaseHold(hold: hold(name)), on: "a") == expected)
            #expect(ledger.account("a").resolution(of: hold(name), at: ledger.time)?.version == version)
            #expect(ledger.refusal(Self.place(name, "1"), on: "a") == .holdExists(hold(name)))
        }
        again("c", .captured, 5)
        again("r", .released, 6)
        again("e", .expired, nil)
        try ledger.execute(.deposit(amount: number("1")), on: "a")
        again("e", .expired, 7)
        #expect(ledger.refusal(.releaseHold(hold: hold("x")), on: "a") == .holdNotFound(hold("x")))
        #expect(ledger.refusal(.captureHold(hold: hold("x")), on: "a") == .holdNotFound(hold("x")))
    }

    @Test func `a hold is expired from the very moment on, and the next command records it`() throws {
        var ledger = try Self.ledger()
        try ledger.execute(Self.place("h", "30", 60), on: "a")
        try ledger.execute(Self.place("late", "30", 61), on: "a")
        ledger.wait(59)
        #expect(ledger.held("a") == "60.00")
        ledger.wait(1)
        let account = ledger.account("a")
        #expect((ledger.held("a"), ledger.available("a")) == ("30.00", "70.00"))
        #expect(account.openHolds(at: ledger.time, limit: 9).map(\.hold) == [hold("late")])
        #expect((account.expiredHolds(at: ledger.time), account.openHolds.count) == (1, 2))
        #expect(account.resolution(of: hold("h"), at: ledger.time) == HoldResolution(.expired, version: nil))
        // A command that is refused records nothing.
        #expect(ledger.refusal(.withdraw(amount: number("70.01")), on: "a") != nil)
        #expect(
            try ledger.execute(.withdraw(amount: number("70")), on: "a")
                == [.holdExpired(hold: hold("h"), amount: money("30.00")), .withdrawn(amount: money("70.00"))])
        #expect(ledger.account("a").resolution(of: hold("h"), at: ledger.time)?.version == 4)
        #expect(ledger.account("a").expiredHolds(at: ledger.time) == 0)
    }

    @Test func `money of a hold that is due can be held again by the same decision`() throws {
        var ledger = try Self.ledger()
        try ledger.execute(Self.place("h", "100", 60), on: "a")
        ledger.wait(60)
        #expect(try ledger.execute(Self.place("i", "100"), on: "a").map(\.type) == ["HoldExpired", "HoldPlaced"])
        #expect(ledger.held("a") == "100.00")
    }

    @Test func `a hold expires after its placing, and within the years that there are`() throws {
        let ledger = try Self.ledger()
        func refusal(_ expiry: HoldExpiry) -> String? {
            guard
                case .invalidField(let pointer, _)? = ledger.refusal(
                    .placeHold(hold: hold("h"), amount: number("1"), expiry: expiry), on: "a")
            else { return nil }
            return pointer
        }
        #expect(refusal(.at(ledger.time)) == "/expires_at")
        #expect(refusal(.at(.earliest)) == "/expires_at")
        #expect(refusal(.at(Timestamp(microseconds: ledger.time.microseconds + 1))) == nil)
        #expect(refusal(.at(.latest)) == nil)
        #expect(refusal(.after(seconds: HoldExpiry.maxSeconds)) == "/expires_in")
        #expect(refusal(.after(seconds: 1)) == nil)
    }

    @Test func `an open hold is captured or released whatever was frozen or lowered since`() throws {
        for direction in AccountFreeze.Direction.allCases {
            var ledger = try Self.ledger()
            try ledger.execute(Self.place("h", "30"), on: "a")
            try ledger.execute(Self.place("i", "30"), on: "a")
            try ledger.execute(.setLimits(overdraft: .removed, maximumBalance: .set(number("0"))), on: "a")
            try ledger.execute(.freeze(direction: direction, reason: "f"), on: "a")
            try ledger.execute(.captureHold(hold: hold("h"), to: TestLedger.stream("b")), on: "a")
            try ledger.execute(.releaseHold(hold: hold("i")), on: "a")
            #expect((ledger.balance("a"), ledger.balance("b")) == ("70.00", "30.00"))
        }
    }

    @Test func `a capture into another account needs that account to take it`() throws {
        var ledger = try Self.ledger()
        try ledger.open("yen", "0", "JPY")
        try ledger.open("small", "0", maximum: "29.99")
        try ledger.open("gone", "0")
        try ledger.execute(.close(reason: "r"), on: "gone")
        try ledger.open("cold", "0")
        try ledger.execute(.freeze(direction: .all, reason: "f"), on: "cold")
        try ledger.execute(Self.place("h", "30"), on: "a")
        func refusal(_ to: String) -> AccountRefusal? {
            ledger.refusal(.captureHold(hold: hold("h"), to: TestLedger.stream(to)), on: "a")
        }
        func named(_ name: String, _ refusal: AccountRefusal) -> AccountRefusal {
            .counterparty(TestLedger.stream(name), refusal)
        }
        #expect(refusal("a") == .sameAccount)
        #expect(refusal("none") == named("none", .notFound))
        #expect(refusal("gone") == named("gone", .closed))
        #expect(refusal("cold") == named("cold", .frozen(AccountFreeze(.all, reason: "f"))))
        #expect(refusal("yen") == .currencyMismatch(currency: .usd, other: Currency("JPY")!))
        #expect(
            refusal("small")
                == named(
                    "small",
                    .limitExceeded(
                        maximum: money("29.99"), balance: money("0.00"), requested: money("30.00"), currency: .usd)))
        // A part of it fits.
        try ledger.execute(
            .captureHold(hold: hold("h"), amount: number("29.99"), to: TestLedger.stream("small")), on: "a")
        let transfer = try #require(ledger.revision("a").lastEvent)
        #expect(
            ledger.events("a").last
                == .holdCaptured(
                    HoldCapture(
                        hold: hold("h"), amount: money("29.99"), released: money("0.01"),
                        link: TransferLink(counterparty: TestLedger.stream("small"), transfer: transfer))))
        #expect(
            ledger.events("small").last
                == .received(
                    TransferSide(
                        amount: money("29.99"), counterparty: TestLedger.stream("a"), counterpartyVersion: 3,
                        transfer: transfer, hold: hold("h"))))
    }

    @Test func `an account has at most 4,000 open holds, and those that are due make room`() throws {
        var ledger = TestLedger()
        try ledger.open("a", "10000")
        for index in 0..<Account.maxOpenHolds {
            try ledger.execute(Self.place("h\(index)", "1", index < 10 ? 60 : nil), on: "a")
        }
        #expect(ledger.refusal(Self.place("more", "1"), on: "a") == .tooManyHolds(maximum: 4000))
        #expect(ledger.account("a").openHolds(at: ledger.time, limit: 100).count == 100)
        ledger.wait(60)
        #expect(try ledger.execute(Self.place("more", "1"), on: "a").count == 11)
        #expect(ledger.held("a") == "3991.00")
        let account = ledger.account("a")
        #expect(try Account(snapshotState: account.snapshotState) == account)
    }

    @Test func `many holds that are due expire at once, each with an event, before the command's own`() throws {
        var ledger = try Self.ledger()
        for index in 0..<40 { try ledger.execute(Self.place("h\(index)", "1", index % 2 == 0 ? 10 : 20), on: "a") }
        ledger.wait(10)
        #expect((ledger.held("a"), ledger.available("a")) == ("20.00", "80.00"))
        let before = ledger.events("a").count
        try ledger.execute(.deposit(amount: number("1")), on: "a")
        let recorded = ledger.events("a")[before...].map(\.type)
        #expect(recorded == Array(repeating: "HoldExpired", count: 20) + ["MoneyDeposited"])
        #expect((ledger.held("a"), ledger.available("a")) == ("20.00", "81.00"))
    }
}

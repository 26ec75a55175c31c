import Accounts
import EventSourcing
import Testing

/// Recorded events that no decision can have made: each is found, names why, and changes nothing.
@Suite struct ImpossibleEventTests {
    private static let transfer = UniqueID(high: 1, low: 2)

    private static func side(_ amount: String) -> TransferSide {
        TransferSide(
            amount: money(amount), counterparty: TestLedger.stream("b"), counterpartyVersion: 2, transfer: transfer)
    }

    private static func reversal(
        _ amount: String, of version: UInt64, _ direction: MovementDirection = .debit
    ) -> AccountEvent {
        .reversed(Reversal(amount: money(amount), reverses: version, direction: direction, reason: "r"))
    }

    /// Balance 95.00, overdraft 10.00, maximum 200.00, 30.00 held by `h`; `c` captured, `r` released, version 2 reversed.
    private static func ledger() throws -> TestLedger {
        var ledger = TestLedger()
        try ledger.open("a", "100", overdraft: "10", maximum: "200")
        try ledger.execute(.deposit(amount: number("5")), on: "a")
        try ledger.execute(.reverse(version: 2, reason: "r"), on: "a")
        for (name, amount) in [("h", "30"), ("c", "5"), ("r", "5")] {
            try ledger.execute(.placeHold(hold: hold(name), amount: number(amount)), on: "a")
        }
        try ledger.execute(.captureHold(hold: hold("c")), on: "a")
        try ledger.execute(.releaseHold(hold: hold("r")), on: "a")
        return ledger
    }

    static let impossible: [(String, AccountEvent)] = [
        ("a second opening", .opened(owner: "A", initialBalance: money("0.00"), currency: .usd)),
        ("75.00, below zero", .withdrawn(amount: money("75.01"))), ("75.00, below zero", .sent(side("75.01"))),
        ("beyond the maximum of 200.00", .deposited(amount: money("105.01"))),
        ("beyond the maximum of 200.00", .received(side("105.01"))),
        ("not above zero", .sent(side("0.00"))), ("fractional digits of USD", .received(side("1"))),
        // Not on the overdraft.
        ("65.00, below zero", .holdPlaced(hold: hold("n"), amount: money("65.01"), expiresAt: nil)),
        ("there is, or was, a hold h", .holdPlaced(hold: hold("h"), amount: money("1.00"), expiresAt: nil)),
        ("there is, or was, a hold c", .holdPlaced(hold: hold("c"), amount: money("1.00"), expiresAt: nil)),
        ("not above zero", .holdPlaced(hold: hold("n"), amount: money("-1.00"), expiresAt: nil)),
        ("no hold x", .holdReleased(hold: hold("x"), amount: money("1.00"))),
        ("no hold x", .holdExpired(hold: hold("x"), amount: money("1.00"))),
        ("no hold x", .holdCaptured(HoldCapture(hold: hold("x"), amount: money("1.00")))),
        ("c was captured before", .holdCaptured(HoldCapture(hold: hold("c"), amount: money("5.00")))),
        ("r was released before", .holdExpired(hold: hold("r"), amount: money("5.00"))),
        ("which is of 30.00", .holdReleased(hold: hold("h"), amount: money("29.99"))),
        ("which is of 30.00", .holdExpired(hold: hold("h"), amount: money("30.01"))),
        ("which is of 30.00", .holdCaptured(HoldCapture(hold: hold("h"), amount: money("30.01")))),
        (
            "which is of 30.00",
            .holdCaptured(HoldCapture(hold: hold("h"), amount: money("29.00"), released: money("2.00")))
        ),
        (
            "not above zero",
            .holdCaptured(HoldCapture(hold: hold("h"), amount: money("31.00"), released: money("-1.00")))
        ),
        ("limit of -1.00", .limitsSet(overdraft: .set(money("-1.00")), maximumBalance: .unchanged)),
        ("limit of 1 in USD", .limitsSet(overdraft: .unchanged, maximumBalance: .set(money("1")))),
        ("changes none", .limitsSet(overdraft: .unchanged, maximumBalance: .unchanged)),
        ("not frozen", .unfrozen(reason: "r")), ("not empty", .closed(reason: "r")),
        ("reversed before, at version 3", reversal("5.00", of: 2)),
        ("a reversal of version 1", reversal("5.00", of: 1)), ("a reversal of version 9", reversal("5.00", of: 9)),
        ("a reversal of version", reversal("5.00", of: .max)), ("below zero", reversal("75.01", of: 3)),
        ("beyond the maximum", reversal("105.01", of: 3, .credit)), ("not above zero", reversal("0.00", of: 3)),
    ]

    @Test(arguments: impossible)
    func `an event that cannot have happened changes nothing`(_ reason: String, _ event: AccountEvent) throws {
        let before = try Self.ledger().account("a")
        #expect(before.available(at: .earliest) == money("75.00"))
        var account = before
        let error = #expect(throws: ImpossibleEvent.self) { try account.apply(event) }
        #expect(error?.reason.contains(reason) == true, "\(String(describing: error))")
        #expect(account == before)
        var absent = Account()
        if case .opened = event { return }
        #expect(throws: ImpossibleEvent.self) { try absent.apply(event) }
        #expect(absent == Account())
    }

    @Test func `a movement of a frozen direction cannot have happened`() throws {
        var ledger = try Self.ledger()
        try ledger.execute(.freeze(direction: .all, reason: "f"), on: "a")
        let before = ledger.account("a")
        let events: [AccountEvent] = [
            .deposited(amount: money("1.00")), .withdrawn(amount: money("1.00")), .sent(Self.side("1.00")),
            .received(Self.side("1.00")), .holdPlaced(hold: hold("n"), amount: money("1.00"), expiresAt: nil),
            Self.reversal("1.00", of: 4), Self.reversal("1.00", of: 4, .credit),
        ]
        for event in events {
            var account = before
            #expect(throws: ImpossibleEvent.self, "\(event)") { try account.apply(event) }
            #expect(account == before)
        }
    }

    @Test func `an opening keeps to its own limits`() {
        let openings: [AccountEvent] = [
            .opened(
                owner: "A", initialBalance: money("1.01"), currency: .usd,
                limits: AccountLimits(maximumBalance: money("1.00"))),
            .opened(
                owner: "A", initialBalance: money("1.00"), currency: .usd,
                limits: AccountLimits(overdraft: money("-1.00"))),
            .opened(
                owner: "A", initialBalance: money("1.00"), currency: .usd, limits: AccountLimits(overdraft: money("1"))),
        ]
        for opening in openings {
            var account = Account()
            #expect(throws: ImpossibleEvent.self) { try account.apply(opening) }
            #expect(account == Account())
        }
    }
}

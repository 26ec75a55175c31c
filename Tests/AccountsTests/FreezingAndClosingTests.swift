import Accounts
import EventSourcing
import Testing

@Suite struct FreezingAndClosingTests {
    /// The movements of an account, and the directions whose freeze refuses them.
    private static let movements: [(AccountCommand, Set<AccountFreeze.Direction>)] = [
        (.deposit(amount: number("1")), [.credits, .all]), (.withdraw(amount: number("1")), [.debits, .all]),
        (.transfer(to: TestLedger.stream("b"), amount: number("1")), [.debits, .all]),
        (.placeHold(hold: hold("new"), amount: number("1")), [.debits, .all]),
        (.captureHold(hold: hold("h")), []), (.releaseHold(hold: hold("h")), []),
        // The deposit and the withdrawal before the hold.
        (.reverse(version: 2, reason: "r"), [.debits, .all]), (.reverse(version: 3, reason: "r"), [.credits, .all]),
        (.setLimits(overdraft: .removed, maximumBalance: .removed), []),
        (.freeze(direction: .all, reason: "again"), []), (.unfreeze(reason: "r"), []),
    ]

    private static func ledger() throws -> TestLedger {
        var ledger = TestLedger()
        try ledger.open("a", "100")
        try ledger.open("b", "0")
        try ledger.execute(.deposit(amount: number("5")), on: "a")
        try ledger.execute(.withdraw(amount: number("5")), on: "a")
        try ledger.execute(.placeHold(hold: hold("h"), amount: number("5")), on: "a")
        return ledger
    }

    @Test(arguments: AccountFreeze.Direction.allCases)
    func `a frozen direction refuses the movements of that direction`(direction: AccountFreeze.Direction) throws {
        var ledger = try Self.ledger()
        try ledger.execute(.freeze(direction: direction, reason: "court order"), on: "a")
        let freeze = AccountFreeze(direction, reason: "court order")
        #expect(ledger.account("a").frozen == freeze)
        for (command, directions) in Self.movements {
            let expected = directions.contains(direction) ? AccountRefusal.frozen(freeze) : nil
            #expect(ledger.refusal(command, on: "a") == expected, "\(command)")
        }
        try ledger.execute(.unfreeze(reason: "lifted"), on: "a")
        #expect(ledger.account("a").frozen == nil)
        for (command, _) in Self.movements {
            var expected: AccountRefusal?
            if case .unfreeze = command { expected = .notFrozen }
            #expect(ledger.refusal(command, on: "a") == expected, "\(command)")
        }
    }

    @Test func `a freeze replaces the one before it`() throws {
        var ledger = try Self.ledger()
        try ledger.execute(.freeze(direction: .debits, reason: "one"), on: "a")
        try ledger.execute(.freeze(direction: .credits, reason: "two"), on: "a")
        #expect(ledger.account("a").frozen == AccountFreeze(.credits, reason: "two"))
        #expect(ledger.refusal(.withdraw(amount: number("1")), on: "a") == nil)
    }

    @Test func `an account is closed when it is empty, with nothing held`() throws {
        var ledger = try Self.ledger()
        #expect(
            ledger.refusal(.close(reason: "r"), on: "a")
                == .notEmpty(balance: money("100.00"), held: money("5.00"), currency: .usd))
        try ledger.execute(.withdraw(amount: number("95")), on: "a")
        #expect(
            ledger.refusal(.close(reason: "r"), on: "a")
                == .notEmpty(balance: money("5.00"), held: money("5.00"), currency: .usd))
        try ledger.execute(.captureHold(hold: hold("h")), on: "a")
        try ledger.execute(.freeze(direction: .all, reason: "f"), on: "a")
        try ledger.execute(.close(reason: "moved away"), on: "a")
        #expect(ledger.account("a").status == .closed)
        #expect(ledger.events("a").last == .closed(reason: "moved away"))
    }

    @Test func `an overdrawn account is not closed`() throws {
        var ledger = TestLedger()
        try ledger.open("a", "0", overdraft: "5")
        try ledger.execute(.withdraw(amount: number("5")), on: "a")
        #expect(
            ledger.refusal(.close(reason: "r"), on: "a")
                == .notEmpty(balance: money("-5.00"), held: money("0.00"), currency: .usd))
    }

    @Test func `a hold that is due does not keep an account open, and its expiry is recorded before the closing`()
        throws
    {
        var ledger = TestLedger()
        try ledger.open("a", "0")
        try ledger.execute(.deposit(amount: number("5")), on: "a")
        try ledger.execute(.placeHold(hold: hold("h"), amount: number("5"), expiry: .after(seconds: 60)), on: "a")
        ledger.wait(60)
        try ledger.execute(.withdraw(amount: number("5")), on: "a")
        #expect(try ledger.execute(.close(reason: "r"), on: "a") == [.closed(reason: "r")])
        #expect(ledger.events("a").map(\.type).suffix(3) == ["HoldExpired", "MoneyWithdrawn", "AccountClosed"])
    }

    @Test func `a closed account refuses everything, and nothing can happen to it`() throws {
        var ledger = TestLedger()
        try ledger.open("a", "0")
        try ledger.open("b", "5")
        try ledger.execute(.close(reason: "r"), on: "a")
        let commands: [AccountCommand] = [
            .open(owner: "A", initialBalance: number("0"), currency: .usd), .close(reason: "r"),
        ]
        for command in commands + Self.movements.map(\.0) {
            #expect(ledger.refusal(command, on: "a") == .closed, "\(command)")
        }
        let closed = ledger.account("a")
        let events: [AccountEvent] = [
            .opened(owner: "A", initialBalance: money("0.00"), currency: .usd), .deposited(amount: money("1.00")),
            .limitsSet(overdraft: .removed, maximumBalance: .unchanged), .frozen(direction: .all, reason: "r"),
            .unfrozen(reason: "r"), .closed(reason: "r"),
        ]
        for event in events {
            var account = closed
            #expect(throws: ImpossibleEvent.self) { try account.apply(event) }
            #expect(account == closed)
        }
    }
}

import Accounts
import EventSourcing
import JSON
import TestSupport
import Testing

@Suite struct AccountSnapshotTests {
    @Test func `the form is JSON, with the balance in the currency's digits`() {
        #expect(
            text(account("1300.00").snapshotState)
                == #"{"owner":"Alice","currency":"USD","balance":"1300.00","events":1}"#)
        #expect(text(Account().snapshotState) == "{}")
    }

    @Test func `an account that was never opened comes back as such`() throws {
        #expect(try Account(snapshotState: Account().snapshotState) == Account())
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func `any account comes back from its snapshot`(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<50 {
            let currency = try #require(currencies.randomElement(using: &generator))
            let units = Int64.random(in: 0...Money.largestMinorUnits, using: &generator)
            let balance = try #require(Money(minorUnits: units, fractionDigits: currency.fractionDigits))
            let state = account(balance.description, currency, owner: RandomDirectory.owner(&generator))
            let written = state.snapshotState
            #expect(state.leastSnapshotSize <= written.count)
            try JSONReader.validate(written, requireObject: true)
            #expect(written.count <= Snapshot.longestState)
            let back = try Account(snapshotState: written)
            #expect(back == state)
            #expect(Array(back.owner.utf8) == Array(state.owner.utf8))
        }
    }

    @Test func `the longest owner fits into a snapshot, however it is escaped`() {
        let owner = String(repeating: "\u{1}", count: AccountCommand.longestOwner)
        #expect(account("1.00", owner: owner).snapshotState.count <= Snapshot.longestState)
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func `I5: an account that is gone on with from a snapshot is the one that was never put down`(
        seed: UInt64
    ) throws {
        try InvariantTests.live(seed) { before, _, events, after in
            guard let events else { return }
            var back = try Account(snapshotState: before.snapshotState)
            for event in events { try back.apply(event) }
            #expect(back == after)
        }
    }

    /// What stands before a member that is wrong.
    private static let good = #"{"owner":"A","currency":"USD","balance":"5.00","events":9"#

    @Test(arguments: [
        "", "[]", "null", "{", #"{"owner":"A"}"#, #"{"owner":"A","currency":"USD","events":1}"#,
        #"{"owner":"A","balance":"1.00","events":1}"#, #"{"currency":"USD","balance":"1.00","events":1}"#,
        #"{"owner":"A","currency":"XXX","balance":"1.00","events":1}"#,
        #"{"owner":"A","currency":"USD","balance":"1","events":1}"#,
        #"{"owner":"A","currency":"JPY","balance":"1.00","events":1}"#,
        #"{"owner":"A","currency":"USD","balance":1.00,"events":1}"#,
        #"{"owner":null,"currency":"USD","balance":"1.00","events":1}"#,
        #"{"owner":"A","owner":"A","currency":"USD","balance":"1.00","events":1}"#,
        #"{"owner":"A","currency":"USD","balance":"1.00","events":1}x"#,
        #"{"owner":"A","currency":"USD","balance":"1.00"}"#,
        #"{"owner":"A","currency":"USD","balance":"-1.00","events":1}"#,
        #"{"owner":"A","currency":"USD","balance":"1.00","events":0}"#,
        #"{"owner":"A","currency":"USD","balance":"1.00","events":9223372036854775808}"#,
        good + #","closed":true}"#, good + #","closed":1}"#, good + #","overdraft":"-1.00"}"#,
        good + #","overdraft":"1"}"#, good + #","maximum_balance":null}"#, good + #","frozen":"all"}"#,
        good + #","frozen":"some","frozen_because":"r"}"#, good + #","frozen_because":"r"}"#,
        good + #","holds":[{"hold":"h","amount":"1.00"}]}"#, good + #","holds":[{"hold":"h","version":2}]}"#,
        good + #","holds":[{"hold":"h","amount":"0.00","version":2}]}"#,
        good + #","holds":[{"hold":"h","amount":"1","version":2}]}"#,
        good + #","holds":[{"hold":"h","amount":"1.00","version":10}]}"#,
        good + #","holds":[{"hold":"","amount":"1.00","version":2}]}"#,
        good + #","holds":[{"hold":"h","amount":"1.00","version":2,"expires_at":"soon"}]}"#,
        good + #","holds":[{"hold":"h","amount":"1.00","version":2,"x":1}]}"#,
        good + #","holds":[{"hold":"h","amount":"1.00","version":2},{"hold":"h","amount":"1.00","version":3}]}"#,
        good + #","holds":[{"hold":"h","amount":"1.00","version":3},{"hold":"i","amount":"1.00","version":3}]}"#,
        good + #","holds":[{"hold":"h","amount":"1.00","version":3}],"resolved":["h","captured",4]}"#,
        good + #","resolved":["h"]}"#, good + #","resolved":["h","captured"]}"#,
        good + #","resolved":["h","lost",3]}"#, good + #","resolved":["h","captured",10]}"#,
        good + #","resolved":["h","captured",4,"i","expired",4]}"#, good + #","resolved":["..","captured",4]}"#,
        good + #","reversals":[3]}"#, good + #","reversals":[3,3]}"#, good + #","reversals":[3,4,3,5]}"#,
        good + #","reversals":["3",4]}"#, good + #","reversals":{}}"#,
    ])
    func `what is no snapshot of an account is refused`(state: String) {
        #expect(throws: CheckpointError.self) { _ = try Account(snapshotState: Array(state.utf8)) }
    }

    @Test func `a balance below zero comes back, also after the overdraft was taken away`() throws {
        var ledger = TestLedger()
        try ledger.open("a", "0", overdraft: "10")
        try ledger.execute(.withdraw(amount: number("10")), on: "a")
        try ledger.execute(.setLimits(overdraft: .removed, maximumBalance: .unchanged), on: "a")
        let account = ledger.account("a")
        #expect(
            text(account.snapshotState)
                == #"{"owner":"a","currency":"USD","balance":"-10.00","events":3,"overdraft":null}"#)
        #expect(try Account(snapshotState: account.snapshotState) == account)
    }

    @Test func `the form holds limits, freeze, holds and reversals, in an order that never changes`() throws {
        var ledger = TestLedger()
        try ledger.open("a", "100", overdraft: "10", maximum: "500")
        for name in ["z", "y", "x", "w"] {
            let expiry = name == "y" ? HoldExpiry.after(seconds: 60) : nil
            try ledger.execute(.placeHold(hold: hold(name), amount: number("5"), expiry: expiry), on: "a")
        }
        try ledger.execute(.captureHold(hold: hold("z")), on: "a")
        try ledger.execute(.releaseHold(hold: hold("w")), on: "a")
        try ledger.execute(.deposit(amount: number("1")), on: "a")
        try ledger.execute(.deposit(amount: number("2")), on: "a")
        try ledger.execute(.reverse(version: 9, reason: "r"), on: "a")
        try ledger.execute(.reverse(version: 8, reason: "r"), on: "a")
        try ledger.execute(.freeze(direction: .credits, reason: "audit"), on: "a")
        #expect(
            text(ledger.account("a").snapshotState)
                == #"{"owner":"a","currency":"USD","balance":"95.00","events":12,"overdraft":"10.00","#
                + #""maximum_balance":"500.00","frozen":"credits","frozen_because":"audit","#
                + #""holds":[{"hold":"y","amount":"5.00","expires_at":"2026-01-02T03:05:05.000000Z","version":3},"#
                + #"{"hold":"x","amount":"5.00","version":4}],"#
                + #""resolved":["z","captured",6,"w","released",7],"reversals":[8,11,9,10]}"#)
        #expect(try Account(snapshotState: ledger.account("a").snapshotState) == ledger.account("a"))
    }
}

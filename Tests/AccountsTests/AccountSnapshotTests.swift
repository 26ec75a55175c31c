import Accounts
import EventSourcing
import JSON
import TestSupport
import Testing

@Suite struct AccountSnapshotTests {
    @Test func `the form is JSON, with the balance in the currency's digits`() {
        #expect(text(account("1300.00").snapshotState) == #"{"owner":"Alice","currency":"USD","balance":"1300.00"}"#)
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

    @Test(arguments: [
        "", "[]", "null", "{", #"{"owner":"A"}"#, #"{"owner":"A","currency":"USD"}"#,
        #"{"owner":"A","balance":"1.00"}"#, #"{"currency":"USD","balance":"1.00"}"#,
        #"{"owner":"A","currency":"XXX","balance":"1.00"}"#, #"{"owner":"A","currency":"USD","balance":"1"}"#,
        #"{"owner":"A","currency":"JPY","balance":"1.00"}"#, #"{"owner":"A","currency":"USD","balance":"-1.00"}"#,
        #"{"owner":"A","currency":"USD","balance":1.00}"#, #"{"owner":null,"currency":"USD","balance":"1.00"}"#,
        #"{"owner":"A","owner":"A","currency":"USD","balance":"1.00"}"#,
        #"{"owner":"A","currency":"USD","balance":"1.00"}x"#,
    ])
    func `what is no snapshot of an account is refused`(state: String) {
        #expect(throws: CheckpointError.self) { _ = try Account(snapshotState: Array(state.utf8)) }
    }
}

import Accounts
import EventSourcing
import TestSupport
import Testing

@Suite struct AccountDirectoryTests {
    @Test(arguments: 0..<10 as Range<UInt64>)
    func `I5: every account is the fold of its own events`(seed: UInt64) throws {
        let random = try RandomDirectory(seed: seed, accounts: 100)
        #expect(random.directory.count == random.model.count)
        for (name, account) in random.model { #expect(random.directory.account(name) == account) }
        #expect(random.directory.account("none") == nil)
    }

    @Test func `events of other categories leave it as it is`() throws {
        let stream = try #require(StreamID(category: "tally", name: "a"))
        var directory = AccountDirectory()
        directory.apply(record(.deposited(amount: money("1.00")), of: stream, version: 1))
        #expect(directory.count == 0)
    }

    @Test func `an owner is found by the very spelling`() throws {
        let composed = "Zo\u{EB}"
        let decomposed = "Zoe\u{308}"
        var directory = AccountDirectory()
        for (name, owner) in [("a", composed), ("b", decomposed)] {
            let stream = try #require(StreamID(category: Account.category, name: name))
            directory.apply(
                record(.opened(owner: owner, initialBalance: money("1.00"), currency: .usd), of: stream, version: 1))
        }
        #expect(directory.accounts(after: nil, ownedBy: composed, limit: 9).accounts.map(\.stream.name) == ["a"])
        #expect(directory.accounts(after: nil, ownedBy: decomposed, limit: 9).accounts.map(\.stream.name) == ["b"])
    }
}

import Accounts
import EventSourcing
import TestSupport
import Testing

@Suite struct AccountDirectoryCheckpointTests {
    private func lines(_ directory: AccountDirectory) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        directory.write { lines.append($0) }
        return lines
    }

    private func directory(_ lines: [[UInt8]]) throws -> AccountDirectory {
        var rest = lines[...]
        return try AccountDirectory { rest.popFirst() }
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func `I5: a directory comes back from its checkpoint, the same to every query`(seed: UInt64) throws {
        var random = try RandomDirectory(seed: seed, accounts: 80)
        let written = lines(random.directory)
        let back = try directory(written)
        #expect(lines(back) == written)
        #expect(back.count == random.model.count)
        for (name, account) in random.model { #expect(back.account(name) == account) }
        for owner in [nil, "nobody"] + random.owners {
            for time in [nil, random.moment(), random.moment()] {
                #expect(
                    back.accounts(after: nil, ownedBy: owner, openedBy: time, limit: 1000)
                        == random.directory.accounts(after: nil, ownedBy: owner, openedBy: time, limit: 1000))
            }
        }
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func `I5: the same history gives the same lines, whether it was interrupted by a checkpoint or not`(
        seed: UInt64
    ) throws {
        var whole = try RandomDirectory(seed: seed, accounts: 40)
        var resumed = whole
        resumed.resume(from: try directory(lines(whole.directory)))
        try whole.goOn(100)
        try resumed.goOn(100)
        #expect(lines(resumed.directory) == lines(whole.directory))
    }

    @Test func `a line is a currency or an account in JSON, in order, and holds no line feed`() throws {
        let random = try RandomDirectory(seed: 3, accounts: 80)
        let written = lines(random.directory)
        #expect(written.count == 84)
        #expect(written.allSatisfy { !$0.contains(UInt8(ascii: "\n")) })
        var directory = AccountDirectory()
        let stream = try #require(StreamID(category: Account.category, name: "acc-001"))
        directory.apply(
            record(.opened(owner: "A", initialBalance: money("1.00"), currency: .usd), of: stream, version: 1))
        #expect(
            lines(directory).map(text) == [
                #"{"flows":"USD","deposited":100,"withdrawn":0,"sent":0,"received":0}"#,
                #"{"id":"acc-001","version":1,"last_event":"01980000-0000-7000-8000-000000000001","#
                    + #""created_at":1767323045678901,"updated_at":1767323045678901,"#
                    + #""owner":"A","currency":"USD","balance":"1.00","events":1}"#,
            ])
    }

    @Test func `more accounts than are written at once keep their order`() throws {
        let random = try RandomDirectory(seed: 4, accounts: 2500)
        let back = try directory(lines(random.directory))
        #expect(
            back.accounts(after: nil, limit: 5000).accounts.map(\.stream.name) == random.model.keys.sorted())
    }

    @Test func `an empty directory has no lines`() throws {
        #expect(lines(AccountDirectory()).isEmpty)
        #expect(try directory([]).count == 0)
    }

    @Test func `a line that is no account is refused by its number`() throws {
        let good = lines(try RandomDirectory(seed: 5, accounts: 3).directory)
        let account =
            #"{"id":"ok","version":1,"last_event":"01980000-0000-7000-8000-000000000001","#
            + #""created_at":1,"updated_at":1,"owner":"A","currency":"USD","balance":"1.00","events":1}"#
        #expect(try directory(good + [Array(account.utf8)]).count == 4)
        let broken = [
            "", "{}", "[]", "x", account + "x", account.replacing(#""id":"ok""#, with: #""id":"a b""#),
            account.replacing(#""version":1"#, with: #""version":0"#),
            account.replacing(#""version":1"#, with: #""version":-1"#),
            account.replacing(#""version":1"#, with: #""version":1.0"#),
            account.replacing("01980000-", with: "01980000"), account.replacing(#""created_at":1,"#, with: ""),
            account.replacing(#""updated_at":1,"#, with: ""), account.replacing("USD", with: "XXX"),
            account.replacing(#""owner":"A","#, with: ""), account.replacing("1.00", with: "-1.00"),
        ]
        for line in broken {
            let error = #expect(throws: CheckpointError.self, "\(line)") {
                _ = try directory(good + [Array(line.utf8)])
            }
            #expect(
                error?.description.contains("line \(good.count + 1) ") == true, "\(line): \(String(describing: error))")
        }
        let twice = #expect(throws: CheckpointError.self) { _ = try directory(good + good.suffix(1)) }
        #expect(twice?.description.contains("twice") == true)
    }

    @Test func `an error of whoever gives the lines comes through`() {
        struct Unreadable: Error {}
        #expect(throws: Unreadable.self) { _ = try AccountDirectory { throw Unreadable() } }
    }
}

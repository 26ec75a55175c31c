import Accounts
import EventSourcing
import TestSupport
import Testing

@Suite struct AccountDirectoryPagingTests {
    private static let limits = [1, 2, 3, 7, 50, 1000]

    /// What the pages should give together: the simplest way to say it.
    private func wanted(
        _ random: RandomDirectory, after name: String?, in range: NameRange = .all, ownedBy owner: String?,
        openedBy time: Timestamp?
    ) throws -> [Revision<Account>] {
        try random.model.sorted { $0.key < $1.key }.filter { key, account in
            let createdAt = try #require(account.createdAt)
            return range.contains(key) && name.map { key > $0 } ?? true
                && owner.map { Array($0.utf8) == Array(account.state.owner.utf8) } ?? true
                && time.map { createdAt <= $0 } ?? true
        }.map(\.value)
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func `pages together are the accounts asked for, in order, each once`(seed: UInt64) throws {
        var random = try RandomDirectory(seed: seed, accounts: 120)
        let owners: [String?] = [nil, "nobody"] + random.owners
        for limit in Self.limits {
            for owner in owners {
                let time = random.below(2) == 0 ? nil : random.moment()
                var last = random.below(2) == 0 ? nil : random.model.keys.sorted()[random.below(random.model.count)]
                let wanted = try wanted(random, after: last, ownedBy: owner, openedBy: time)
                var found: [Revision<Account>] = []
                repeat {
                    let page = random.directory.accounts(
                        after: last, ownedBy: owner, openedBy: time, limit: limit)
                    #expect(page.accounts.count <= limit)
                    found += page.accounts
                    last = page.lastName
                } while last != nil && found.count <= wanted.count
                #expect(found == wanted, "limit \(limit), owner \(owner ?? "any"), until \(time as Any)")
            }
        }
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func `one account more than is used tells whether there is more`(seed: UInt64) throws {
        var random = try RandomDirectory(seed: seed, accounts: 60)
        for limit in Self.limits {
            let owner = random.below(2) == 0 ? nil : random.owners[random.below(random.owners.count)]
            let wanted = try wanted(random, after: nil, ownedBy: owner, openedBy: nil)
            var found: [Revision<Account>] = []
            var last: String?
            repeat {
                let page = random.directory.accounts(after: last, ownedBy: owner, limit: limit + 1)
                found += page.accounts.prefix(limit)
                last = page.lastLookedAt(of: limit)
                #expect((last != nil) == (found.count < wanted.count))
            } while last != nil && found.count <= wanted.count
            #expect(found == wanted)
        }
    }

    @Test(arguments: 0..<8 as Range<UInt64>)
    func `pages of a range hold what is in it, and depend on nothing else`(seed: UInt64) throws {
        var random = try RandomDirectory(seed: seed, accounts: 120)
        let names = random.model.keys.sorted()
        let some = names[random.below(names.count)]
        for range in [.none, .prefix("A"), .prefix("A-"), .prefix("~"), .prefix(String(some.prefix(1))), .one(some)]
            as [NameRange]
        {
            var alone = AccountDirectory()
            for record in random.records where range.contains(record.stream.name) { alone.apply(record) }
            for limit in Self.limits {
                let owner = random.below(2) == 0 ? nil : random.owners[random.below(random.owners.count)]
                let time = random.below(2) == 0 ? nil : random.moment()
                var last = random.below(2) == 0 ? nil : names[random.below(names.count)]
                let wanted = try wanted(random, after: last, in: range, ownedBy: owner, openedBy: time)
                var found: [Revision<Account>] = []
                repeat {
                    let page = random.directory.accounts(
                        after: last, in: range, ownedBy: owner, openedBy: time, limit: limit)
                    #expect(page == alone.accounts(after: last, ownedBy: owner, openedBy: time, limit: limit))
                    found += page.accounts
                    last = page.lastName
                } while last != nil && found.count <= wanted.count
                #expect(found == wanted, "limit \(limit), owner \(owner ?? "any"), until \(time as Any), \(range)")
            }
        }
    }

    @Test func `a name to go on after need not be an account's`() throws {
        let random = try RandomDirectory(seed: 1, accounts: 60)
        for name in ["", "-", "M", "z", "~~~~~~~~", "ü"] {
            let wanted = try wanted(random, after: name, ownedBy: nil, openedBy: nil)
            #expect(random.directory.accounts(after: name, limit: 1000).accounts == wanted, "\(name)")
        }
    }

    /// An answer is made under a lock, so no page may look through all of a large directory.
    @Test func `where a time leaves out many, pages are short and go on`() throws {
        var directory = AccountDirectory()
        func open(_ number: Int, at time: Int64) throws {
            let name = "acc-\(100_000 + number)"
            let stream = try #require(StreamID(category: Account.category, name: name))
            let event = AccountEvent.opened(owner: "A", initialBalance: money("1.00"), currency: .usd)
            let opened = record(event, of: stream, version: 1)
            directory.apply(
                RecordedEvent(
                    position: opened.position, stream: stream, streamVersion: 1,
                    recordedAt: Timestamp(microseconds: time), event: opened.event, hash: opened.hash))
        }
        for number in 0..<24_000 { try open(number, at: 100) }
        for number in [24_000, 24_001] { try open(number, at: 5) }
        var pages: [AccountDirectory.Page] = []
        var last: String?
        repeat {
            let page = directory.accounts(after: last, openedBy: Timestamp(microseconds: 50), limit: 100)
            pages.append(page)
            last = page.lastName
        } while last != nil && pages.count < 10
        #expect(pages.map(\.accounts.count) == [0, 0, 2])
        #expect(pages.flatMap(\.accounts).map(\.stream.name) == ["acc-124000", "acc-124001"])
        // Without a time the accounts come at once.
        #expect(directory.accounts(after: nil, limit: 100).accounts.count == 100)
    }
}

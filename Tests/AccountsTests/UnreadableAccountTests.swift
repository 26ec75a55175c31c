import EventSourcing
import TestSupport
import Testing

@testable import Accounts

/// A record that cannot be applied stops its account, not the directory.
@Suite struct UnreadableAccountTests {
    private func stream(_ name: String) throws -> StreamID {
        try #require(StreamID(category: Account.category, name: name))
    }

    private func unknown(_ name: String, version: UInt64, type: String = "MoneyTeleported") throws -> RecordedEvent {
        let event = record(.deposited(amount: money("1.00")), of: try stream(name), version: version)
        return RecordedEvent(
            position: event.position, stream: event.stream, streamVersion: version, recordedAt: event.recordedAt,
            event: NewEvent(id: event.event.id, type: type, schemaVersion: 2, data: Array("{}".utf8)), hash: event.hash)
    }

    private let opened = AccountEvent.opened(owner: "A", initialBalance: money("1.00"), currency: .usd)

    @Test func `an event that cannot be makes its account unreadable, and no other`() throws {
        let stream = try stream("a")
        for (wrong, reason) in [
            (record(opened, of: stream, version: 2), "second opening"),
            (record(.withdrawn(amount: money("1.01")), of: stream, version: 2), "1.01"),
            (record(.deposited(amount: money("1.00")), of: stream, version: 3), "expected version 2"),
            (try unknown("a", version: 2), "MoneyTeleported"),
        ] {
            var directory = AccountDirectory()
            directory.apply(record(opened, of: stream, version: 1))
            directory.apply(record(opened, of: try self.stream("b"), version: 1))
            let before = try #require(directory.account("a"))
            directory.apply(wrong)
            // What comes after it is not looked at.
            directory.apply(record(.deposited(amount: money("1.00")), of: stream, version: 2))
            guard case .unreadable(let account, let last)? = directory.entry("a") else {
                Issue.record("a is readable after \(wrong)")
                continue
            }
            #expect(last == before)
            #expect((account.name, account.position, account.version) == ("a", wrong.position, wrong.streamVersion))
            #expect(account.recordedAt == wrong.recordedAt)
            #expect(account.reason.contains(reason), "\(account.reason)")
            #expect(directory.account("a") == nil)
            #expect(directory.account("b") != nil)
            #expect(directory.accounts(after: nil, limit: 9).accounts.map(\.stream.name) == ["b"])
            #expect(directory.accounts(after: nil, ownedBy: "A", limit: 9).accounts.map(\.stream.name) == ["b"])
            #expect(directory.totals(asOf: .latest).map(\.accounts) == [1])
            #expect(directory.unreadableStreams == 1)
            #expect(directory.unreadableRecords(limit: 9).map(\.position) == [wrong.position])
        }
    }

    @Test func `a first record that cannot be leaves an account of which nothing is known`() throws {
        var directory = AccountDirectory()
        directory.apply(record(.deposited(amount: money("1.00")), of: try stream("a"), version: 1))
        #expect(directory.count == 0)
        guard case .unreadable(_, nil)? = directory.entry("a") else {
            Issue.record("a is readable")
            return
        }
        #expect(directory.accounts(after: nil, limit: 10).accounts.isEmpty)
        #expect(directory.totals(asOf: .latest).isEmpty)
    }

    @Test func `a reason is printable and not longer than 300 characters`() {
        #expect(UnreadableAccount.printable("a\u{1B}[2J\u{202E}b\n\u{2028}") == "a\u{FFFD}[2J\u{FFFD}b\u{FFFD}\u{FFFD}")
        #expect(UnreadableAccount.printable(String(repeating: "é", count: 5000)).count == 300)
        let text = "owner “Zoë” 株式会社"
        #expect(UnreadableAccount.printable(text) == text)
    }

    @Test func `at a time those count whose record was there`() throws {
        var directory = AccountDirectory()
        for (index, name) in ["a", "b", "c"].enumerated() {
            directory.apply(try unknown(name, version: UInt64(index + 1)))
        }
        let first = try unknown("a", version: 1).recordedAt
        #expect(directory.unreadableAccounts() == 3)
        #expect(directory.unreadableAccounts(by: Timestamp(microseconds: first.microseconds - 1)) == 0)
        #expect(directory.unreadableAccounts(by: first) == 1)
        #expect(directory.unreadableAccounts(by: .latest) == 3)
        for (range, count) in [(.prefix("b"), 1), (.one("c"), 1), (.one("d"), 0), (.none, 0), (.prefix(""), 3)]
            as [(NameRange, Int)]
        {
            #expect(directory.unreadableAccounts(in: range) == count)
            #expect(directory.unreadableAccounts(by: first, in: range) == (range.contains("a") ? 1 : 0))
        }
    }

    @Test func `a program that knows more events builds the directory anew`() {
        for type in AccountEvent.types { #expect(AccountDirectory.schema.contains(type)) }
        #expect(AccountEvent.types.count > 3)
    }

    @Test func `a line that is no unreadable account or currency is refused`() throws {
        var directory = AccountDirectory()
        directory.apply(record(opened, of: try stream("a"), version: 1))
        directory.apply(try unknown("b", version: 1))
        var lines: [String] = []
        directory.write { lines.append(text($0)) }
        #expect(lines.count == 3)
        func read(_ lines: [String]) throws {
            var rest = lines[...]
            _ = try AccountDirectory { rest.popFirst().map { Array($0.utf8) } }
        }
        try read(lines)
        for (index, old, new) in [
            (0, #""b""#, #""b c""#), (0, #""version":1"#, #""version":0"#), (0, #""position":40"#, #""position":-1"#),
            (0, #""recorded_at":"#, #""recorded_at":99"#), (0, "MoneyTeleported", #"Money\u001b"#),
            (0, #""position":40,"#, ""), (1, "USD", "XXX"), (1, #""sent":0"#, #""sent":1.5"#),
            (1, #""sent":0"#, #""sent":99999999999999999999999999999999999999"#), (1, #","received":0"#, ""),
        ] {
            var broken = lines
            broken[index] = broken[index].replacing(old, with: new)
            #expect(broken != lines, "\(old)")
            #expect(throws: CheckpointError.self, "\(broken[index])") { try read(broken) }
        }
        #expect(throws: CheckpointError.self) { try read([lines[0]] + lines) }
        #expect(throws: CheckpointError.self) { try read([lines[1], lines[2], lines[0]]) }
        #expect(throws: CheckpointError.self) { try read([lines[0], lines[2], lines[1]]) }
    }

    @Test func `an account with a long past of holds comes back from its checkpoint`() throws {
        var directory = AccountDirectory()
        let stream = try stream("a")
        directory.apply(record(opened, of: stream, version: 1))
        for number in 0..<20_000 {
            let name = hold("a-hold-with-a-name-that-takes-many-bytes-in-a-checkpoint-\(number)")
            let version = UInt64(2 + 2 * number)
            directory.apply(
                record(.holdPlaced(hold: name, amount: money("1.00"), expiresAt: nil), of: stream, version: version))
            directory.apply(
                record(.holdReleased(hold: name, amount: money("1.00")), of: stream, version: version + 1))
        }
        #expect(directory.unreadableStreams == 0)
        var lines: [[UInt8]] = []
        directory.write { lines.append($0) }
        #expect(lines.count > 2)
        #expect(lines.allSatisfy { $0.count <= 2 << 20 })
        var rest = lines[...]
        let back = try AccountDirectory { rest.popFirst() }
        #expect(back.account("a") == directory.account("a"))
        rest = lines.dropLast()[...]
        #expect(throws: CheckpointError.self) { _ = try AccountDirectory { rest.popFirst() } }
    }
}

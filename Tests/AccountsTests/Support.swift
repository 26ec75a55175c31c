import Accounts
import EventSourcing
import JSON

/// One currency for each number of fractional digits.
let currencies = ["JPY", "USD", "BHD", "CLF"].map { Currency($0)! }

/// The largest amount of a currency, one minor unit more, and the same in other clothes.
let bounds: [(currency: Currency, largest: String, beyond: String, sum: String)] = [
    (Currency("JPY")!, "999999999999999", "1000000000000000", "999999999999998"),
    (Currency("USD")!, "9999999999999.99", "10000000000000.00", "9999999999999.98"),
    (Currency("BHD")!, "999999999999.999", "1000000000000.000", "999999999999.998"),
    (Currency("CLF")!, "99999999999.9999", "100000000000.0000", "99999999999.9998"),
]

func number(_ text: String) -> DecimalNumber {
    do {
        return try DecimalNumber(text)
    } catch {
        preconditionFailure("\(text.prefix(60)): \(error)")
    }
}

func money(_ text: String) -> Money { Money(exactText: text)! }

/// What reading a number throws; nil where it succeeds.
func amountError(_ text: String) -> AmountError? {
    do {
        _ = try DecimalNumber(text)
        return nil
    } catch {
        return error
    }
}

/// What a number is in a currency, as text, or why it is nothing there.
func amount(_ text: String, _ currency: Currency) -> Result<String, AmountError> {
    do {
        return .success(try DecimalNumber(text).money(in: currency).description)
    } catch {
        return .failure(error)
    }
}

/// An open account.
func account(_ balance: String, _ currency: Currency = .usd, owner: String = "Alice") -> Account {
    var account = Account()
    do {
        try account.apply(.opened(owner: owner, initialBalance: money(balance), currency: currency))
    } catch {
        preconditionFailure(error.reason)
    }
    return account
}

/// What a command about one account does, at the time of the first record.
func decide(_ account: Account, _ command: AccountCommand) throws(AccountRefusal) -> [AccountEvent] {
    let context = DecisionContext(
        revision(account), at: Timestamp(microseconds: 1_767_323_045_678_900), eventID: UniqueID(high: 1, low: 2))
    let decision = try Account.decide(command, in: context)
    precondition(decision.others.isEmpty, "a command about one account changes no other")
    return decision.events
}

/// An account at some version.
private func revision(_ account: Account) -> Revision<Account> {
    let stream = StreamID(category: Account.category, name: "acc-001")!
    guard account.status != .absent else { return Revision(of: stream) }
    do {
        return try Revision(
            Snapshot(
                stream: stream, version: 1, lastEvent: UniqueID(high: 1, low: 1), createdAt: .earliest,
                updatedAt: .latest, fingerprint: Account.snapshotFingerprint, state: account.snapshotState))
    } catch {
        preconditionFailure(error.description)
    }
}

/// The refusal of a command; nil if it is executed.
func refusal(_ account: Account, _ command: AccountCommand) -> AccountRefusal? {
    do {
        _ = try decide(account, command)
        return nil
    } catch {
        return error
    }
}

/// A record as a log would hold it. Its hash is none: these tests prove no chains.
func record(_ event: AccountEvent, of stream: StreamID, version: UInt64, position: UInt64? = nil) -> RecordedEvent {
    RecordedEvent(
        position: position ?? version + 39, stream: stream, streamVersion: version,
        recordedAt: Timestamp(microseconds: 1_767_323_045_678_900 + Int64(version)),
        event: NewEvent(
            id: UniqueID(high: 0x0198_0000_0000_7000, low: 0x8000_0000_0000_0000 | version), type: event.type,
            schemaVersion: event.schemaVersion, data: event.encoded()),
        hash: Digest256(0, 0, 0, 0))
}

func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

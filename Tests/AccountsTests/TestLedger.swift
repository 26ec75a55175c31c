import Accounts
import EventSourcing

/// Accounts and their histories, on which commands are executed as the gateway executes them: the streams that a command
/// names are decided over together, and all its events are recorded at one time.
struct TestLedger {
    private(set) var histories: [String: [RecordedEvent]] = [:]
    private(set) var position: UInt64 = 0
    /// The clock.
    var time = Timestamp(microseconds: 1_767_323_045_000_000)

    /// An account as it is, or was never opened.
    func revision(_ name: String) -> Revision<Account> { revisions[name] ?? Revision(of: Self.stream(name)) }

    func account(_ name: String) -> Account { revision(name).state }

    var names: [String] { revisions.keys.sorted() }

    private var revisions: [String: Revision<Account>] = [:]

    static func stream(_ name: String) -> StreamID { StreamID(category: Account.category, name: name)! }

    /// The events of an account, as they were read from their recorded bytes.
    func events(_ name: String) -> [AccountEvent] { eventLists[name] ?? [] }

    private var eventLists: [String: [AccountEvent]] = [:]

    mutating func wait(_ seconds: Int64) { time = Timestamp(microseconds: time.microseconds + seconds * 1_000_000) }

    /// What a command does.
    func decide(_ command: AccountCommand, on name: String) throws(AccountRefusal) -> Decision<AccountEvent> {
        let stream = Self.stream(name)
        var referred: AccountEvent?
        if let version = Account.referredVersion(in: command), version <= revision(name).version {
            referred = events(name)[Int(version) - 1]
        }
        let others = Account.otherStreams(for: command, on: stream, referring: referred)
        let context = DecisionContext(
            revision(name), others: others.map { revision($0.name) }, referred: referred, at: time,
            eventID: UniqueID(high: 0x0198_0000_0000_7000, low: 0x8000_0000_0000_0000 | (position + 1)))
        return try Account.decide(command, in: context)
    }

    /// Executes a command; returns the events of each stream.
    @discardableResult
    mutating func execute(_ command: AccountCommand, on name: String) throws -> [AccountEvent] {
        let decision = try decide(command, on: name)
        let transferID = UniqueID(high: 0x0198_0000_0000_7000, low: 0x8000_0000_0000_0000 | (position + 1))
        let others = otherNames(of: command, on: name)
        precondition(decision.others.isEmpty || decision.others.count == others.count)
        for (index, event) in decision.events.enumerated() {
            let isLast = index == decision.events.count - 1
            try record(event, on: name, id: isLast ? transferID : UniqueID(high: 7, low: position))
        }
        for (other, events) in zip(others, decision.others) {
            for event in events { try record(event, on: other, id: UniqueID(high: 8, low: position)) }
        }
        return decision.events
    }

    private func otherNames(of command: AccountCommand, on name: String) -> [String] {
        var referred: AccountEvent?
        if let version = Account.referredVersion(in: command) { referred = events(name)[Int(version) - 1] }
        return Account.otherStreams(for: command, on: Self.stream(name), referring: referred).map(\.name)
    }

    /// Records an event as it stands in the log.
    mutating func record(_ event: AccountEvent, on name: String, id: UniqueID) throws {
        position += 1
        var revision = revision(name)
        let record = RecordedEvent(
            position: position, stream: revision.stream, streamVersion: revision.version + 1, recordedAt: time,
            event: NewEvent(
                id: id, type: event.type, schemaVersion: event.schemaVersion, data: event.encoded()),
            hash: Digest256(0, 0, 0, 0))
        try revision.apply(record)
        let read = try AccountEvent(
            type: record.type, schemaVersion: record.event.schemaVersion, data: record.event.data)
        eventLists[name, default: []].append(read)
        histories[name, default: []].append(record)
        revisions[name] = revision
    }

    /// Opens an account.
    mutating func open(
        _ name: String, _ balance: String, _ currency: String = "USD", overdraft: String? = nil, maximum: String? = nil
    ) throws {
        try execute(
            .open(
                owner: name, initialBalance: number(balance), currency: Currency(currency)!,
                overdraft: overdraft.map { number($0) }, maximumBalance: maximum.map { number($0) }), on: name)
    }

    /// The refusal of a command; nil if it would be executed.
    func refusal(_ command: AccountCommand, on name: String) -> AccountRefusal? {
        do {
            _ = try decide(command, on: name)
            return nil
        } catch {
            return error
        }
    }

    func available(_ name: String) -> String { account(name).available(at: time).description }
    func held(_ name: String) -> String { account(name).held(at: time).description }
    func balance(_ name: String) -> String { account(name).balance.description }
}

func hold(_ name: String) -> HoldID { HoldID(name)! }

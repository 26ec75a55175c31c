internal import Accounts
internal import EventSourcing

/// The ordinary case that the parts are counted with: a deposit into an account with a short name and history.
enum Samples {
    static let logID = UniqueID(high: 0x0190_0000_0000_7000, low: 0x8000_0000_0000_0001)
    static let time = Timestamp(microseconds: 1_767_323_045_678_901)
    static let hash = Digest256(1, 2, 3, 4)
    static let stream = stream(1)

    static let opened = NewEvent(
        id: id(1), type: "AccountOpened", schemaVersion: 2,
        data: Array(#"{"owner":"Alice","initial_balance":"1000.00","currency":"USD"}"#.utf8))
    static let deposited = NewEvent(
        id: id(2), type: "MoneyDeposited", schemaVersion: 2, data: Array(#"{"amount":"12.50"}"#.utf8))

    /// An append of one deposit without a command key, as the gateway sends it.
    static let append = append(deposited, to: stream, after: 1, lastEvent: opened.id)
    static let commit = Commit(position: 1_000_000, recordedAt: time, streamVersions: [2])
    static let record = record(of: deposited, at: 1_000_000, in: stream, version: 2)

    static func stream(_ number: Int) -> StreamID {
        // The alphabet allows every such name.
        StreamID(category: Account.category, name: "acc-\(number)")!
    }

    /// An id of version 7, of an event that was made at the sample time.
    static func id(_ number: UInt64) -> UniqueID {
        UniqueID(high: 0x019B_7CD8_962E_7000, low: 0x8000_0000_0000_0000 | number)
    }

    static func append(
        _ event: NewEvent, to stream: StreamID, after version: UInt64, lastEvent: UniqueID?
    ) -> AppendRequest {
        let expected = ExpectedVersion.exactly(version, lastEvent: lastEvent)
        return AppendRequest(writes: [StreamWrite(stream: stream, expected: expected, events: [event])])
    }

    static func record(
        of event: NewEvent, at position: UInt64, in stream: StreamID, version: UInt64
    ) -> RecordedEvent {
        RecordedEvent(
            position: position, stream: stream, streamVersion: version, recordedAt: time, event: event, hash: hash)
    }

    /// The account after its opening and a deposit.
    static func account() throws -> Revision<Account> {
        try Revision(of: stream, folding: [record(of: opened, at: 1, in: stream, version: 1), record])
    }
}

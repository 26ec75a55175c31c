import EventSourcing
import JSON
import Testing

@testable import Accounts

/// Amounts, versions and times that a peer or a file may hold and nothing honest writes.
@Suite struct HostileHistoryTests {
    @Test(arguments: [
        "1e-9223372036854775808", "-1e-9223372036854775808", "1e9223372036854775807", "1e-9223372036854775809",
        "1e-401", "1e401", "1e99999999999999999999", "5e-9223372036854775808", "1E-9223372036854775808",
    ])
    func `an amount of schema version 1 with an exponent beyond all bounds is refused`(literal: String) {
        #expect(DoubleAmount.cents(literal) == nil)
        #expect(throws: EventDecodingError.self) {
            try AccountEvent(
                type: "MoneyDeposited", schemaVersion: 1, data: Array(#"{"amount":\#(literal)}"#.utf8))
        }
    }

    @Test(arguments: [0, 1 << 63, .max] as [UInt64])
    func `no account is at a version that no stream has`(version: UInt64) throws {
        #expect(throws: CheckpointError.self) { try directory(version: "\(version)") }
        #expect(throws: CheckpointError.self) {
            try Revision<Account>(snapshot(version: version))
        }
    }

    @Test(arguments: [
        "-9223372036854775808", "9223372036854775807", "253402300800000000", "1e3", "1.5", "-62167219200000001",
    ])
    func `no account was opened at a time that is none`(microseconds: String) {
        #expect(throws: CheckpointError.self) { try directory(createdAt: microseconds) }
        #expect(throws: CheckpointError.self) { try directory(updatedAt: microseconds) }
    }

    @Test func `no account of a checkpoint is at another version than it has events`() throws {
        #expect(throws: CheckpointError.self) { try directory(version: "2") }
        #expect(try directory(version: "1").count == 1)
    }

    @Test func `no account was changed before it was opened`() throws {
        #expect(throws: CheckpointError.self) { try directory(createdAt: "2", updatedAt: "1") }
        #expect(throws: CheckpointError.self) {
            try Revision<Account>(
                snapshot(createdAt: Timestamp(microseconds: 2), updatedAt: Timestamp(microseconds: 1)))
        }
        let accounts = try directory(createdAt: "1", updatedAt: "1")
        #expect(accounts.account("a")?.createdAt == Timestamp(microseconds: 1))
    }

    @Test func `the last version that a stream can have is read, and a next event is refused`() throws {
        var revision = try Revision<Account>(snapshot(version: RecordedEvent.maxOrdinal))
        #expect(revision.version == RecordedEvent.maxOrdinal)
        let next = RecordedEvent(
            position: 1, stream: revision.stream, streamVersion: 1, recordedAt: .earliest,
            event: NewEvent(
                id: UniqueID(high: 1, low: 2), type: "MoneyDeposited", schemaVersion: 2,
                data: Array(#"{"amount":"1.00"}"#.utf8)), hash: Digest256(1, 2, 3, 4))
        #expect(throws: RevisionError.self) { try revision.apply(next) }
    }

    @Test func `an account whose state is too long for a snapshot has none`() throws {
        let stream = try #require(StreamID(category: "account", name: "a"))
        var revision = Revision<Account>(of: stream)
        let currency = Currency.usd
        let owner = String(repeating: "x", count: Snapshot.longestState)
        try revision.apply(
            .opened(owner: owner, initialBalance: .zero(in: currency), currency: currency),
            id: UniqueID(high: 1, low: 2), recordedAt: .earliest)
        #expect(revision.snapshot == nil)
    }

    private func snapshot(
        version: UInt64 = 1, createdAt: Timestamp = .earliest, updatedAt: Timestamp = .latest
    ) throws -> Snapshot {
        Snapshot(
            stream: try #require(StreamID(category: "account", name: "a")), version: version,
            lastEvent: UniqueID(high: 1, low: 2), createdAt: createdAt, updatedAt: updatedAt,
            fingerprint: Account.snapshotFingerprint,
            state: Array(#"{"owner":"o","currency":"USD","balance":"1.00","events":1}"#.utf8))
    }

    private func directory(
        version: String = "1", createdAt: String = "1", updatedAt: String = "2"
    ) throws -> AccountDirectory {
        var lines = [
            Array(
                """
                {"id":"a","version":\(version),"last_event":"00000000-0000-0001-0000-000000000002",\
                "created_at":\(createdAt),"updated_at":\(updatedAt),"owner":"o","currency":"USD","balance":"1.00","events":1}
                """.utf8)
        ]
        return try AccountDirectory(reading: { lines.popLast() })
    }
}

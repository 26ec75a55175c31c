import EventSourcing
import Testing

/// Only what was signed with the key, for this log, is read; and the signed form never changes.
@Suite struct SnapshotSignerTests {
    private let log = UniqueID(high: 1, low: 2)
    private let snapshot = Snapshot(
        stream: StreamID(category: Counter.category, name: "c")!, version: 3, lastEvent: UniqueID(high: 3, low: 4),
        createdAt: Timestamp(microseconds: 5), updatedAt: Timestamp(microseconds: 6),
        fingerprint: Counter.snapshotFingerprint, state: [7, 8, 9])

    private func signer(_ first: UInt8) throws -> SnapshotSigner<Counter> {
        SnapshotSigner(try #require(SnapshotKey(sharedSecret: [first] + [UInt8](repeating: 0, count: 31))))
    }

    private func altered(_ snapshot: Snapshot, _ change: Int) -> Snapshot {
        func number(_ place: Int, _ value: Int64) -> Int64 { place == change ? value + 1 : value }
        return Snapshot(
            stream: StreamID(category: snapshot.stream.category, name: change == 0 ? "d" : "c")!,
            version: UInt64(number(1, Int64(snapshot.version))),
            lastEvent: UniqueID(high: UInt64(number(2, 3)), low: UInt64(number(3, 4))),
            createdAt: Timestamp(microseconds: number(4, 5)), updatedAt: Timestamp(microseconds: number(5, 6)),
            fingerprint: change == 6 ? Digest256(hashing: []) : snapshot.fingerprint,
            state: change < 7
                ? snapshot.state
                : snapshot.state.enumerated().map { $0.offset == change - 7 ? $0.element ^ 1 : $0.element })
    }

    @Test func `what was signed is read as it was`() throws {
        let signed = try #require(try signer(1).sign(snapshot, in: log))
        #expect(signed.state.count == snapshot.state.count + 32)
        #expect(try signer(1).open(signed, in: log) == snapshot)
    }

    @Test(arguments: 0..<42) func `any part that is altered is found`(change: Int) throws {
        let signed = try #require(try signer(1).sign(snapshot, in: log))
        #expect(try signer(1).open(altered(signed, 99), in: log) != nil)
        #expect(try signer(1).open(altered(signed, change), in: log) == nil)
    }

    @Test func `another key, another log and no signature are told apart`() throws {
        let signed = try #require(try signer(1).sign(snapshot, in: log))
        #expect(try signer(2).open(signed, in: log) == nil)
        #expect(try signer(1).open(signed, in: UniqueID(high: 1, low: 3)) == nil)
        #expect(try signer(1).open(snapshot, in: log) == nil)
        #expect(try signer(1).fingerprint != (try signer(2).fingerprint))
        #expect(try signer(1).fingerprint != Counter.snapshotFingerprint)
    }

    @Test func `a key of a process has the schema's own name, and believes its own alone`() throws {
        let (own, other) = (SnapshotSigner<Counter>(.ofThisProcess()), SnapshotSigner<Counter>(.ofThisProcess()))
        #expect(own.fingerprint == Counter.snapshotFingerprint)
        let signed = try #require(own.sign(snapshot, in: log))
        #expect(own.open(signed, in: log) == snapshot)
        #expect(other.open(signed, in: log) == nil)
    }

    @Test func `a state that is too long with its digest is not signed`() throws {
        func snapshot(_ length: Int) -> Snapshot {
            Snapshot(
                stream: self.snapshot.stream, version: 1, lastEvent: log, createdAt: self.snapshot.createdAt,
                updatedAt: self.snapshot.updatedAt, fingerprint: self.snapshot.fingerprint,
                state: [UInt8](repeating: 1, count: length))
        }
        #expect(try signer(1).sign(snapshot(Snapshot.longestState - 31), in: log) == nil)
        let longest = try #require(try signer(1).sign(snapshot(Snapshot.longestState - 32), in: log))
        #expect(longest.state.count == Snapshot.longestState)
    }

    @Test(arguments: [0, 31, 33]) func `a secret of another length is none`(length: Int) {
        #expect(SnapshotKey(sharedSecret: [UInt8](repeating: 1, count: length)) == nil)
    }
}

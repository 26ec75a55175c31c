import EventSourcing
import TestSupport
import Testing

@Suite struct SnapshotTests {
    private let stream = StreamID(category: "counter", name: "c")!

    private func history(_ seed: UInt64) -> [RecordedEvent] {
        var generator = SeededGenerator(seed: seed)
        return (1...30).map { version in
            record(
                position: version * 3, stream: stream, type: "Changed", version: version,
                time: Int64(version / 2), id: generator.next(), data: "\(Int.random(in: 0...9, using: &generator))")
        }
    }

    @Test(arguments: 0..<10 as Range<UInt64>)
    func `I5: a snapshot with the events after it is the fold of all events, at every version`(seed: UInt64) throws {
        let history = history(seed)
        let whole = try Revision<Counter>(of: stream, folding: history)
        for version in 1...history.count {
            let folded = try Revision<Counter>(of: stream, folding: history[..<version])
            let snapshot = try #require(folded.snapshot)
            #expect(snapshot.stream == stream)
            #expect(snapshot.version == UInt64(version))
            #expect(snapshot.lastEvent == history[version - 1].event.id)
            #expect(snapshot.fingerprint == Counter.snapshotFingerprint)
            var revision = try Revision<Counter>(snapshot)
            #expect(revision == folded)
            #expect(revision.snapshot == snapshot)
            for record in history[version...] { try revision.apply(record) }
            #expect(revision == whole)
        }
    }

    @Test func `before its first event an aggregate has no snapshot`() {
        #expect(Revision<Counter>(of: stream).snapshot == nil)
    }

    @Test func `the fingerprint is SHA-256 of the schema's text`() {
        #expect(Counter.snapshotFingerprint == Digest256(hashing: Array("value; 1".utf8)))
    }

    @Test func `a snapshot of another schema is refused by its stream's name, though it could be read`() throws {
        let snapshot = try #require(try Revision<Counter>(of: stream, folding: history(1)).snapshot)
        let error = #expect(throws: CheckpointError.self) {
            _ = try Revision<Counter>(snapshot.with(fingerprint: Digest256(hashing: Array("value; 2".utf8))))
        }
        #expect(error?.description == "the snapshot of counter/c is of another schema")
    }

    @Test(arguments: ["", "x", "1.5", "1 "])
    func `a snapshot that cannot be read is refused`(state: String) throws {
        let snapshot = try #require(try Revision<Counter>(of: stream, folding: history(1)).snapshot)
        #expect(throws: CheckpointError("not a value")) {
            _ = try Revision<Counter>(snapshot.with(state: Array(state.utf8)))
        }
    }
}

extension Snapshot {
    fileprivate func with(fingerprint: Digest256? = nil, state: [UInt8]? = nil) -> Snapshot {
        Snapshot(
            stream: stream, version: version, lastEvent: lastEvent, createdAt: createdAt, updatedAt: updatedAt,
            fingerprint: fingerprint ?? self.fingerprint, state: state ?? self.state)
    }
}

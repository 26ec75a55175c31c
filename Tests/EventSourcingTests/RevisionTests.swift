import EventSourcing
import Testing

@Suite struct RevisionTests {
    private let stream = StreamID(category: "counter", name: "c")!

    @Test func `I5: a revision is the fold of its events, with the log's times and the last event's id`() throws {
        let history = [3, -1, 5].enumerated().map { index, by in
            record(
                position: UInt64(index + 10), stream: stream, type: "Changed", version: UInt64(index + 1),
                time: Int64(100 + index), id: UInt64(index + 1), data: "\(by)")
        }
        let revision = try Revision<Counter>(of: stream, folding: history)
        #expect(revision.state.value == 7)
        #expect(revision.version == 3)
        #expect(revision.createdAt == Timestamp(microseconds: 100))
        #expect(revision.updatedAt == Timestamp(microseconds: 102))
        #expect(revision.expectedVersion == .exactly(3, lastEvent: UniqueID(high: 0, low: 3)))
    }

    @Test(arguments: [
        (1, "Changed", "-1", "below zero"), (2, "Changed", "1", "expected version 1"), (1, "Else", "1", "not a change"),
    ])
    func `what cannot follow is refused by name, and changes nothing`(
        version: UInt64, type: String, data: String, reason: String
    ) {
        var revision = Revision<Counter>(of: stream)
        let before = revision
        let event = record(position: 42, stream: stream, type: type, version: version, data: data)
        let error = #expect(throws: RevisionError.self) { try revision.apply(event) }
        #expect(error?.position == 42)
        #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
        #expect(revision == before)
    }

    @Test func `an event of another stream is refused`() {
        var revision = Revision<Counter>(of: stream)
        #expect(throws: RevisionError.self) {
            try revision.apply(record(stream: StreamID(category: "counter", name: "d")!, type: "Changed", data: "1"))
        }
    }
}

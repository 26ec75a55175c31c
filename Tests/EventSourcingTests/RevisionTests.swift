import EventSourcing
import Testing

/// A tiny aggregate: a counter that may not go below zero.
private struct Counter: Aggregate {
    enum Event: DomainEvent {
        case changed(Int)

        var type: String { "Changed" }
        var schemaVersion: UInt16 { 1 }
        func encoded() -> [UInt8] { if case .changed(let by) = self { Array("\(by)".utf8) } else { [] } }

        init(type: String, schemaVersion: UInt16, data: [UInt8]) throws(EventDecodingError) {
            guard type == "Changed", let by = Int(String(decoding: data, as: UTF8.self)) else {
                throw EventDecodingError(type: type, schemaVersion: schemaVersion, reason: "not a change")
            }
            self = .changed(by)
        }
    }

    struct Refusal: Error, Hashable {}

    static let category = "counter"
    var value = 0

    func decide(_ command: Int) throws(Refusal) -> [Event] {
        guard value + command >= 0 else { throw Refusal() }
        return [.changed(command)]
    }

    mutating func apply(_ event: Event) throws(ImpossibleEvent) {
        guard case .changed(let by) = event, value + by >= 0 else { throw ImpossibleEvent("below zero") }
        value += by
    }
}

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

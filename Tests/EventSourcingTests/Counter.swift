import EventSourcing

/// A tiny aggregate: a counter that may not go below zero.
struct Counter: Aggregate {
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

    static func decide(
        _ command: Int, in context: borrowing DecisionContext<Counter>
    ) throws(Refusal) -> Decision<Event> {
        Decision(try context.state.decide(command))
    }

    func decide(_ command: Int) throws(Refusal) -> [Event] {
        guard value + command >= 0 else { throw Refusal() }
        return [.changed(command)]
    }

    mutating func apply(_ event: Event) throws(ImpossibleEvent) {
        guard case .changed(let by) = event, value + by >= 0 else { throw ImpossibleEvent("below zero") }
        value += by
    }
}

extension Counter: SnapshottableAggregate {
    static let snapshotSchema = "value; 1"

    var snapshotState: [UInt8] { Array("\(value)".utf8) }

    init(snapshotState: [UInt8]) throws(CheckpointError) {
        guard let value = Int(String(decoding: snapshotState, as: UTF8.self)) else {
            throw CheckpointError("not a value")
        }
        self.init()
        self.value = value
    }
}

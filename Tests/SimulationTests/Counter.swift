internal import EventSourcing

/// A tiny domain: a counter that never falls below zero, so that a command can be refused. Every event names the attempt
/// that it came from, so that whatever is in the log can be held against what was asked and answered.
struct Counter: Aggregate {
    struct Command: Hashable {
        /// What is counted up or, where negative, down. 0 asks for nothing.
        let by: Int
        /// In how many events.
        let parts: Int
        let attempt: Int
    }

    struct Event: DomainEvent {
        let by: Int
        let attempt: Int

        let type = "Counted"
        let schemaVersion: UInt16 = 1

        init(by: Int, attempt: Int) {
            self.by = by
            self.attempt = attempt
        }
    }

    enum Refusal: Error, Hashable {
        case short(holds: Int, asked: Int)
    }

    static let category = "counter"
    private(set) var count = 0

    static func decide(
        _ command: Command, in context: borrowing DecisionContext<Counter>
    ) throws(Refusal) -> Decision<Event> {
        Decision(try context.state.decide(command))
    }

    func decide(_ command: Command) throws(Refusal) -> [Event] {
        guard command.by != 0 else { return [] }
        guard count + command.by * command.parts >= 0 else { throw .short(holds: count, asked: command.by) }
        return (0..<command.parts).map { _ in Event(by: command.by, attempt: command.attempt) }
    }

    mutating func apply(_ event: Event) throws(ImpossibleEvent) {
        guard count + event.by >= 0 else { throw ImpossibleEvent("a counter of \(count) counts by \(event.by)") }
        count += event.by
    }
}

extension Counter.Event {
    /// A JSON array of the two numbers.
    func encoded() -> [UInt8] { Array("[\(by),\(attempt)]".utf8) }

    init(type: String, schemaVersion: UInt16, data: [UInt8]) throws(EventDecodingError) {
        var rest = data[...]
        guard type == "Counted", schemaVersion == 1,
            let by = Self.number(after: UInt8(ascii: "["), &rest),
            let attempt = Self.number(after: UInt8(ascii: ","), &rest),
            rest.count == 1, rest.first == UInt8(ascii: "]")
        else { throw EventDecodingError(type: type, schemaVersion: schemaVersion, reason: "it is no count") }
        self.init(by: by, attempt: attempt)
    }

    /// Reads a whole number of a few digits that follows on a mark.
    private static func number(after mark: UInt8, _ rest: inout ArraySlice<UInt8>) -> Int? {
        guard rest.popFirst() == mark else { return nil }
        let isNegative = rest.first == UInt8(ascii: "-")
        if isNegative { rest.removeFirst() }
        let digits = rest.prefix { UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }
        rest = rest.dropFirst(digits.count)
        guard !digits.isEmpty else { return nil }
        let number = digits.reduce(0) { 10 * $0 + Int($1 - UInt8(ascii: "0")) }
        return isNegative ? -number : number
    }
}

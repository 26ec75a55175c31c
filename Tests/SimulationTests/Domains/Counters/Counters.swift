internal import EventSourcing

/// The simulation's view of ``Counter``.
enum Counters: SimulatedDomain {
    typealias State = Counter
    typealias ReadModel = Sum

    static let maxStreams = 4
    static let eventTypes: Set = ["Counted", "Moved", "Undone"]

    static func command(
        to stream: StreamID, among streams: [StreamID], seen: UInt64, _ world: World
    ) -> Counter.Command {
        switch world.between(1...8) {
        case 1...3: .count(world.oneOf([0, 1, 3, 5, 10, -1, -4, -7, -12]), parts: world.oneOf([1, 1, 2]))
        case 4...6: .move(world.oneOf([1, 2, 5, 9]), to: world.oneOf(streams))
        case 7: .countIf(world.oneOf([1, 4, -2]), other: world.oneOf(streams), holds: world.between(0...10))
        default: .undo(version: world.between(0...seen + 1))
        }
    }

    static func fingerprint(of command: Counter.Command) -> Digest256 {
        func digest(_ kind: UInt64, _ number: Int, _ stream: StreamID? = nil, _ more: Int = 0) -> Digest256 {
            let name = stream?.name.utf8.reduce(0 as UInt64) { $0 << 8 | UInt64($1) } ?? 0
            return Digest256(kind, UInt64(bitPattern: Int64(number)), name, UInt64(bitPattern: Int64(more)))
        }
        return switch command {
        case .count(let by, let parts): digest(1, by, nil, parts)
        case .move(let by, let other): digest(2, by, other)
        case .countIf(let by, let other, let least): digest(3, by, other, least)
        case .undo(let version): digest(4, Int(version))
        }
    }

    static func isHarmless(_ event: Counter.Event) -> Bool { event.by > 0 && event.undoes == nil }

    static func isKept(_ refusal: Counter.Refusal) -> Bool { refusal != .noSuchEvent }

    /// What was counted, over all counters: a move and its undoing change nothing.
    struct Books: SimulatedBooks {
        typealias State = Counter

        private var counts: [StreamID: Int] = [:]

        mutating func take(_ events: [(stream: StreamID, event: Counter.Event)], at time: Timestamp) -> String? {
            for (stream, event) in events { counts[stream, default: 0] += event.by }
            let streams = Set(events.map(\.stream))
            if streams.count > 1, events.reduce(0, { $0 + $1.event.by }) != 0 {
                return "a move counts by \(events.map(\.event.by))"
            }
            if streams.count == 1, events.contains(where: { $0.event.counterpart != nil }) {
                return "half a move is recorded"
            }
            return counts.first { !(0...Counter.ceiling ~= $0.value) }.map { "\($0.key) counts \($0.value)" }
        }

        func difference(to revision: Revision<Counter>, at time: Timestamp) -> String? {
            let count = counts[revision.stream] ?? 0
            return revision.state.count == count ? nil : "the events say \(count), the state \(revision.state.count)"
        }
    }

    /// The sum of all counters.
    struct Sum: SimulatedReadModel {
        static let name = "sum"

        private var sum = 0

        mutating func apply(_ record: RecordedEvent) throws(RevisionError) {
            do throws(EventDecodingError) {
                sum += try Counter.Event(type: record.type, schemaVersion: 1, data: record.event.data).by
            } catch {
                throw RevisionError(record, error.description)
            }
        }

        func difference(to revisions: [StreamID: Revision<Counter>], at time: Timestamp) -> String? {
            let counted = revisions.values.reduce(0) { $0 + $1.state.count }
            return sum == counted ? nil : "the sum of all counters is \(counted), and shown is \(sum)"
        }
    }
}

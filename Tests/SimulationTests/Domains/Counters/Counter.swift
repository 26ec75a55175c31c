internal import EventSourcing

/// A tiny domain: counters from 0 to a ceiling, so that commands can be refused, and with every kind of command that
/// the kit knows: over one aggregate, over two, with one that is only read, and about an earlier event.
struct Counter: SnapshottableAggregate {
    enum Command: Hashable {
        /// Counts up or, if negative, down, in a number of events. 0 asks for nothing.
        case count(Int, parts: Int)
        /// Counts down here and up there, if both allow it.
        case move(Int, to: StreamID)
        /// Counts, if another counter holds at least so many; that one is only read.
        case countIf(Int, other: StreamID, holds: Int)
        /// Takes an earlier event back, once; a move on both counters.
        case undo(version: UInt64)
    }

    enum Refusal: Error, Hashable {
        /// A counter would leave its range.
        case outOfRange(StreamID, holds: Int, by: Int)
        /// The other counter holds less than was demanded.
        case otherHolds(Int)
        case noSuchEvent
        case cannotBeUndone
    }

    static let category = "counter"
    static let ceiling = 40

    private(set) var count = 0
    /// The versions of the events that were taken back, in the order in which they were.
    private(set) var undone: [UInt64] = []
    private var version: UInt64 = 0

    // MARK: deciding

    static func referredVersion(in command: Command) -> UInt64? {
        if case .undo(let version) = command { version } else { nil }
    }

    static func otherStreams(for command: Command, on stream: StreamID, referring referred: Event?) -> [StreamID] {
        switch command {
        case .count: []
        case .move(_, let other), .countIf(_, let other, _): other == stream ? [] : [other]
        case .undo: referred?.counterpart.map { [$0.stream] } ?? []
        }
    }

    static func decide(
        _ command: Command, in context: borrowing DecisionContext<Counter>
    ) throws(Refusal) -> Decision<Event> {
        let (own, stream) = (context.state, context.revision.stream)
        switch command {
        case .count(let by, let parts):
            guard by != 0 else { return Decision([]) }
            try own.check(by * parts, stream)
            return Decision((0..<parts).map { _ in Event(by: by) })
        case .move(let by, _):
            guard let other = context.others.first else { return Decision([]) }
            try own.check(-by, stream)
            try other.state.check(by, other.stream)
            return Decision(
                [Event(by: -by, counterpart: other.state.next(other.stream))],
                others: [
                    [
                        Event(
                            by: by,
                            counterpart: Event.Counterpart(stream: stream, version: context.revision.version + 1))
                    ]
                ])
        case .countIf(let by, _, let least):
            guard let other = context.others.first?.state.count, other >= least else {
                throw .otherHolds(context.others.first?.state.count ?? own.count)
            }
            try own.check(by, stream)
            return Decision([Event(by: by)])
        case .undo(let version):
            guard let event = context.referred else { throw .noSuchEvent }
            guard event.undoes == nil, !own.undone.contains(version) else { throw .cannotBeUndone }
            try own.check(-event.by, stream)
            guard let counterpart = event.counterpart, let other = context.others.first else {
                return Decision([Event(by: -event.by, undoes: version)])
            }
            try other.state.check(event.by, other.stream)
            return Decision(
                [Event(by: -event.by, undoes: version)], others: [[Event(by: event.by, undoes: counterpart.version)]])
        }
    }

    /// The next event of this counter, as the other side of a move names it.
    private func next(_ stream: StreamID) -> Event.Counterpart {
        Event.Counterpart(stream: stream, version: version + 1)
    }

    private func check(_ by: Int, _ stream: StreamID) throws(Refusal) {
        guard 0...Self.ceiling ~= count + by else { throw .outOfRange(stream, holds: count, by: by) }
    }

    // MARK: state

    mutating func apply(_ event: Event) throws(ImpossibleEvent) {
        guard 0...Self.ceiling ~= count + event.by else {
            throw ImpossibleEvent("a counter of \(count) counts by \(event.by)")
        }
        if let version = event.undoes {
            guard version > 0, version <= self.version, !undone.contains(version) else {
                throw ImpossibleEvent("version \(version) is taken back at version \(self.version)")
            }
            undone.append(version)
        }
        count += event.by
        version += 1
    }

    // MARK: snapshots

    static let snapshotSchema = "counter 1"

    init() {}

    var snapshotState: [UInt8] {
        Array(([Int64(count), Int64(version)] + undone.map(Int64.init)).map(String.init).joined(separator: " ").utf8)
    }

    init(snapshotState: [UInt8]) throws(CheckpointError) {
        let numbers = snapshotState.split(separator: UInt8(ascii: " ")).compactMap {
            Int(String(decoding: $0, as: UTF8.self))
        }
        guard numbers.count >= 2 else { throw CheckpointError("it is no counter") }
        count = numbers[0]
        version = UInt64(numbers[1])
        undone = numbers[2...].map(UInt64.init)
    }
}

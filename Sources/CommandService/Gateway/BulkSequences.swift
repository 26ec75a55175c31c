internal import EventSourcing
internal import Synchronization

/// The order of the commands of one request, per aggregate; only of those that have lines under way.
final class BulkSequences: Sendable {
    private let underWay = Mutex<[StreamID: (sequence: CommandSequence, lines: Int)]>([:])

    /// The sequence that a line of an aggregate belongs to.
    func enter(_ stream: StreamID) -> CommandSequence {
        underWay.withLock { underWay in
            let (sequence, lines) = underWay[stream] ?? (CommandSequence(), 0)
            underWay[stream] = (sequence, lines + 1)
            return sequence
        }
    }

    /// A line is answered. A sequence of which nothing is under way orders nothing, and is forgotten.
    func leave(_ stream: StreamID) {
        underWay.withLock { underWay in
            guard let (sequence, lines) = underWay[stream] else { return }
            underWay[stream] = lines > 1 ? (sequence, lines - 1) : nil
        }
    }
}

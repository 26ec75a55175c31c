public import EventSourcing

/// One append under way. Every decision ends in one: with events, or without any to make sure that what it stands on is
/// the newest that there is.
public final class PendingAppend<State: Aggregate, Client> {
    typealias Slot = AggregateSlot<State, Client>

    /// What it does to one stream.
    struct Part {
        let slot: Slot
        let expected: ExpectedVersion
        let events: [State.Event]
        /// The same as they are sent; they have their ids.
        let sent: [NewEvent]

        var write: StreamWrite { StreamWrite(stream: slot.stream, expected: expected, events: sent) }

        /// Takes its events into the aggregate.
        func apply(to revision: inout Revision<State>, at time: Timestamp) throws(ImpossibleEvent) {
            for index in events.indices {
                try revision.apply(events[index], id: sent[index].id, recordedAt: time)
            }
        }
    }

    /// How the command ends if the append is committed. What it rarely holds is indirect, so that it is one word.
    enum End {
        /// The command is executed.
        case executed
        /// The domain refuses it.
        indirect case refused(State.Refusal)
        /// The aggregate is not at a version that the client demands.
        indirect case conditionFailed(actual: UInt64)
        /// It takes from another aggregate, which its sender does not see.
        indirect case beyondReach(StreamID)
        /// The domain decided wrongly.
        indirect case fault(String)

        /// What the client is told of a command that is not executed, at the position at which that is confirmed; nil: it is.
        func failure(at position: UInt64) -> CommandFailure<State>? {
            switch self {
            case .executed: nil
            case .refused(let refusal): .refused(refusal, position: position)
            case .conditionFailed(let actual): .conditionFailed(actual: actual, position: position)
            case .beyondReach(let stream): .beyondReach(stream, position: position)
            case .fault(let reason): .fault(reason)
            }
        }
    }

    /// Counts up over all appends of a machine.
    let number: UInt64
    /// The command that it is of.
    public let run: CommandRun<State, Client>
    let end: End
    /// The decision that it is of: the id of the last event of its own stream, or, without one, what is kept with its key. So
    /// what comes back under the key shows whether it is of this append.
    let decision: UniqueID
    /// What is kept with the command's key; nil: the key stays free.
    let record: RecordedAnswer?
    let own: Part
    let others: [Part]

    init(
        _ number: UInt64, of run: CommandRun<State, Client>, end: End, decision: UniqueID, record: RecordedAnswer?,
        own: Part, others: [Part]
    ) {
        self.number = number
        self.run = run
        self.end = end
        self.decision = decision
        self.record = record
        self.own = own
        self.others = others
    }

    /// What is to be sent.
    public var request: AppendRequest {
        var key: CommandKey?
        if let record, let given = run.order.key {
            let kept = KeptAnswer(
                record, by: run.order.sender?.actor, decision: own.events.isEmpty ? decision : nil)
            key = CommandKey(key: given.bytes, fingerprint: given.fingerprint, outcome: kept.encoded)
        }
        if others.isEmpty { return AppendRequest(command: key, writes: [own.write]) }
        return AppendRequest(command: key, writes: [own.write] + others.map { $0.write })
    }

    /// The part of a write of the request; nil if it has none of that number.
    func part(_ write: Int) -> Part? {
        if write == 0 { return own }
        return others.indices.contains(write - 1) ? others[write - 1] : nil
    }

    /// The parts of all its streams.
    var parts: [Part] { others.isEmpty ? [own] : [own] + others }

    /// Those on a stream.
    func parts(on stream: StreamID) -> [Part] { parts.filter { $0.slot.stream == stream } }
}

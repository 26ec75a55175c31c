internal import DequeModule
internal import EventSourcing

/// The commands that name one aggregate and must be executed in their order, although each is sent to the log before the
/// one before it is answered.
///
/// A command may be decided once every earlier one is decided and, as far as is known, will stay so. If the log refuses
/// one, those that stood on it will be refused, too; until each of them is decided again, no later one is decided.
struct CommandSequence<State: Aggregate, Client> {
    typealias Run = CommandRun<State, Client>

    /// The first that is not answered. It stands alone, since most sequences are that short.
    private var first: Run?
    /// Those after it; some of them may be answered already.
    private var others: Deque<Run> = []
    /// How many of them hold up those after them.
    var heldUp = 0

    mutating func append(_ run: Run) {
        if first == nil { first = run } else { others.append(run) }
    }

    /// Drops those at the front that are answered.
    mutating func dropAnswered() {
        while let run = first, case .answered = run.phase { first = others.popFirst() }
    }

    func isTurn(of run: Run) -> Bool {
        // It holds up others itself.
        heldUp <= 1 || firstThatHoldsUp === run
    }

    /// The first that those after it must wait for; nil if none does.
    var firstThatHoldsUp: Run? {
        guard heldUp > 0 else { return nil }
        if let first, first.holdsUpOthers { return first }
        return others.first(where: \.holdsUpOthers)
    }
}

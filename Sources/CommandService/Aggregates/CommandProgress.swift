/// What is known of a command that is being obeyed, and until when it may go on.
///
/// Whatever happens, a command is answered: before each request to the log and each new decision the deadline is looked
/// at, and each request has a deadline of its own. So the answer comes within the sum of the two. A command that must wait
/// for those before it has more time for as long as these are being obeyed.
struct CommandProgress<Ticket: Sendable>: Sendable {
    /// So many new decisions follow each other at once; before each further one is a pause. Those count that the log
    /// refused on their own account, not because they stood on others.
    private static var promptDecisions: Int { 16 }
    /// After so many new decisions the command is given up.
    private static var maxDecisions: Int { 400 }
    private static var maxPause: Duration { .milliseconds(100) }

    /// Whether the log told of the state after the command had come: then a refusal may stand on it.
    var isFresh: Bool
    /// The newest append that was sent before the command came.
    let ticketBefore: Ticket?
    /// After it nothing more is asked of the log.
    private(set) var deadline: ContinuousClock.Instant
    /// Whether the last decision stood on nothing that the log had not confirmed.
    var stoodAlone = true

    private var decisions = 0

    init(isFresh: Bool, ticketBefore: Ticket?, deadline: ContinuousClock.Instant) {
        self.isFresh = isFresh
        self.ticketBefore = ticketBefore
        self.deadline = deadline
    }

    /// Whether the deadline has come.
    var isOver: Bool { .now >= deadline }

    /// Those before it were obeyed until then.
    mutating func extend(to deadline: ContinuousClock.Instant) { self.deadline = max(self.deadline, deadline) }

    /// How long to wait before the command is decided again, so that a gateway and a log that never agree do not spin;
    /// nil: it has been decided often enough.
    mutating func pauseBeforeNextDecision() -> Duration? {
        if stoodAlone { decisions += 1 }
        guard decisions <= Self.maxDecisions, !isOver else { return nil }
        guard stoodAlone, decisions > Self.promptDecisions else { return .zero }
        let pause = min(.milliseconds(1 << min(decisions - Self.promptDecisions, 10)), Self.maxPause)
        // Half of it is left to chance, so that gateways do not meet again and again.
        return pause / 2 + pause * Double.random(in: 0...0.5)
    }
}

/// How often a command was decided, and until when it may be decided again.
///
/// Whatever happens, a command is answered: before each request to the log and each new decision the deadline is checked,
/// and each request has a deadline of its own. So the answer comes within the sum of the two. A command that must wait
/// for those before it has more time as long as these are being executed.
struct CommandAttempts {
    /// There are pauses after this many decisions.
    private static var maxPromptDecisions: Int { 16 }
    /// How many decisions there are then from one pause to the next. The first stands on what was known before the pause, and
    /// if a rival is at work is refused for that; the others have a chance.
    private static var decisionsAPause: Int { 4 }
    /// The command is given up after this many decisions.
    private static var maxDecisions: Int { 400 }
    private static var maxPause: Duration { .milliseconds(100) }

    /// After it nothing more is asked of the log.
    private(set) var deadline: ContinuousClock.Instant
    /// Only decisions count that the log refused on their own account, not because they stood on others.
    private var decisions = 0
    private var stoodAlone = true

    init(by deadline: ContinuousClock.Instant) { self.deadline = deadline }

    func isOver(at now: ContinuousClock.Instant) -> Bool { now >= deadline }

    /// Those before it were executed until then.
    mutating func extend(to deadline: ContinuousClock.Instant) { self.deadline = max(self.deadline, deadline) }

    /// The command is decided, on nothing but what the log had confirmed, or not.
    mutating func decided(standingAlone: Bool) { stoodAlone = standingAlone }

    /// How long to wait before the command is decided again, so that a gateway and a log that never agree do not spin;
    /// nil: it has been decided often enough.
    mutating func pauseBeforeNextDecision(
        at now: ContinuousClock.Instant, using random: inout some RandomNumberGenerator
    ) -> Duration? {
        if stoodAlone { decisions += 1 }
        guard decisions <= Self.maxDecisions, !isOver(at: now) else { return nil }
        let further = decisions - Self.maxPromptDecisions - 1
        guard stoodAlone, further >= 0, further % Self.decisionsAPause == 0 else { return .zero }
        let pause = min(.milliseconds(2 << min(further / Self.decisionsAPause, 10)), Self.maxPause)
        // Half of it is left to chance, so that gateways do not meet again and again.
        return pause / 2 + pause * Double.random(in: 0...0.5, using: &random)
    }
}

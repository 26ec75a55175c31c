/// What Daybook promises, with the numbers of the invariants in `Sources/README.md`.
enum Invariant: String {
    case durable = "I1: acknowledged only when durable"
    case publishedWhenDurable = "I2: published only when durable, in order"
    case gapless = "I3: positions and versions without gaps and repeats"
    case oneOutcome = "I4: one key, one outcome"
    case fold = "I5: a state is the fold of its events"
    case refusedWithoutEffect = "I6: a refused command changes nothing"
    case soundDecision = "I6: a decision is that of the sequential reference"
    case fresh = "I7: a query never undershoots"
    case nothingLost = "I8: nothing acknowledged is lost"
    case nothingTwice = "I8: nothing is applied twice"
    case nothingMissed = "I9: no subscriber misses an event"
    case actor = "every event names who sent its command"
    case reach = "what a sender does not see is never taken from"
    case condition = "conditional commands are executed only at the version demanded"
    case inOrder = "commands in sequence are executed in their order"
    case whole = "an append is seen whole or not at all"
    case rules = "the rules of the domain hold after every append"
    case agreement = "fold, snapshot, projection and time travel agree"
    case endsOnce = "every request and every command ends once, by its deadline"
    case bounded = "a command is decided a bounded number of times"
    case progress = "progress: when the faults stop, everything settles"
}

/// A promise that was broken.
struct Violation: Error, CustomStringConvertible {
    let seed: UInt64
    let time: Microseconds
    let invariant: Invariant
    let what: String

    var description: String { "seed \(seed), \(time) µs: \(invariant.rawValue): \(what)" }
}

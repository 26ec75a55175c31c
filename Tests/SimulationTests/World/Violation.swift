/// What Daybook promises, with the numbers of the invariants in `Sources/README.md`.
enum Invariant: String {
    case durable = "I1: acknowledged only when durable"
    case publishedWhenDurable = "I2: published only when durable, in order"
    case gapless = "I3: positions and versions without gaps and repeats"
    case oneOutcome = "I4: one key, one outcome"
    case fold = "I5: a state is the fold of its events"
    case refusedWithoutEffect = "I6: a refused command changes nothing"
    case soundDecision = "I6: a decision is that of the sequential reference"
    case condition = "conditional commands are obeyed only at the version demanded"
    case fresh = "I7: a query never undershoots"
    case nothingLost = "I8: nothing acknowledged is lost"
    case nothingTwice = "I8: nothing is applied twice"
    case nothingMissed = "I9: no subscriber misses an event"
    case endsOnce = "every request ends once, by its deadline"
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

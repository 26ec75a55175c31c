import TestSupport
import Testing

@testable import CommandService

@Suite("How long and how often a command is tried")
struct CommandAttemptsTests {
    private let now = ContinuousClock.now
    private var random = SeededGenerator(seed: 1)

    @Test mutating func `at first at once, then after pauses that grow up to a limit, and then no more`() {
        var attempts = CommandAttempts(by: now + .seconds(3600))
        var pauses: [Duration] = []
        while let pause = attempts.pauseBeforeNextDecision(at: now, using: &random) { pauses.append(pause) }
        #expect(pauses.count == 400)
        #expect(pauses.prefix(16).allSatisfy { $0 == .zero })
        for (index, pause) in pauses.dropFirst(16).enumerated() {
            // What is decided right after a pause stands on what was known before it, so more follow at once.
            #expect(index % 4 == 0 ? pause > .zero && pause <= .milliseconds(100) : pause == .zero)
            if index % 4 == 0, index > 24 { #expect(pause >= .milliseconds(50)) }
        }
    }

    @Test mutating func `what was refused only because it stood on others is tried at once, however often`() {
        var attempts = CommandAttempts(by: now + .seconds(3600))
        attempts.decided(standingAlone: false)
        for _ in 0..<1000 {
            let pause = attempts.pauseBeforeNextDecision(at: now, using: &random)
            #expect(pause == .zero)
        }
    }

    @Test mutating func `not after the deadline, unless there is more time`() {
        var attempts = CommandAttempts(by: now)
        #expect(attempts.isOver(at: now))
        let none = attempts.pauseBeforeNextDecision(at: now, using: &random)
        #expect(none == nil)
        attempts.extend(to: now + .seconds(3600))
        #expect(!attempts.isOver(at: now))
        attempts.extend(to: now)
        #expect(!attempts.isOver(at: now))
        let pause = attempts.pauseBeforeNextDecision(at: now, using: &random)
        #expect(pause == .zero)
    }
}

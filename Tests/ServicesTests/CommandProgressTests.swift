import Testing

@testable import CommandService

@Suite("How long and how often a command is tried")
struct CommandProgressTests {
    private func progress(_ deadline: Duration) -> CommandProgress<Int> {
        CommandProgress(isFresh: false, ticketBefore: nil, deadline: .now + deadline)
    }

    @Test func `at first at once, then after pauses that grow up to a limit, and then no more`() {
        var progress = progress(.seconds(3600))
        var pauses: [Duration] = []
        while let pause = progress.pauseBeforeNextDecision() { pauses.append(pause) }
        #expect(pauses.count == 400)
        #expect(pauses.prefix(16).allSatisfy { $0 == .zero })
        #expect(pauses.dropFirst(16).allSatisfy { $0 > .zero && $0 <= .milliseconds(100) })
        #expect(pauses.dropFirst(30).allSatisfy { $0 >= .milliseconds(50) })
    }

    @Test func `what was refused only because it stood on others is tried at once, however often`() {
        var progress = progress(.seconds(3600))
        progress.stoodAlone = false
        for _ in 0..<1000 {
            let pause = progress.pauseBeforeNextDecision()
            #expect(pause == .zero)
        }
    }

    @Test func `not after the deadline, unless there is more time`() {
        var progress = progress(.zero)
        #expect(progress.isOver)
        let none = progress.pauseBeforeNextDecision()
        #expect(none == nil)
        progress.extend(to: .now + .seconds(3600))
        #expect(!progress.isOver)
        progress.extend(to: .now)
        #expect(!progress.isOver)
        let pause = progress.pauseBeforeNextDecision()
        #expect(pause == .zero)
    }
}

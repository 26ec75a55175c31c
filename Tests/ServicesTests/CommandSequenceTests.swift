import TestSupport
import Testing

@testable import CommandService

@Suite("The order of the commands of one aggregate")
struct CommandSequenceTests {
    @Test func `one is decided when all before it are sent`() {
        var sequence = CommandSequence()
        #expect(sequence.mayEnter)
        let (first, second, third) = (sequence.enter(), sequence.enter(), sequence.enter())
        #expect(sequence.isTurn(of: first))
        #expect(!sequence.isTurn(of: second))
        sequence.sent(first)
        #expect(sequence.isTurn(of: second))
        #expect(!sequence.isTurn(of: third))
        #expect(!sequence.mayEnter)
        sequence.sent(second)
        sequence.sent(third)
        #expect(sequence.mayEnter)
    }

    @Test func `after a refusal all that stood on it are decided again, in their order`() {
        var sequence = CommandSequence()
        let numbers = (0..<4).map { _ in sequence.enter() }
        for number in numbers { sequence.sent(number) }
        sequence.refused(numbers[1])
        #expect(!sequence.mayEnter)
        #expect(sequence.isTurn(of: numbers[1]))
        #expect(!sequence.isTurn(of: numbers[2]))
        sequence.refused(numbers[2])
        sequence.sent(numbers[1])
        #expect(sequence.isTurn(of: numbers[2]))
        #expect(!sequence.isTurn(of: numbers[3]))
    }

    @Test func `where it is not known what becomes of those on their way, none is decided before they have ended`() {
        var sequence = CommandSequence()
        sequence.doubtAll()
        let (first, second, third) = (sequence.enter(), sequence.enter(), sequence.enter())
        sequence.sent(first)
        sequence.sent(second)
        #expect(sequence.isTurn(of: third))
        sequence.doubtAll()
        #expect(!sequence.mayEnter)
        #expect(!sequence.isTurn(of: second))
        #expect(!sequence.isTurn(of: third))
        sequence.leave(first)
        #expect(!sequence.isTurn(of: third))
        sequence.refused(second)
        #expect(sequence.isTurn(of: second))
        sequence.sent(second)
        #expect(sequence.isTurn(of: third))
    }

    /// Compared with lists that are searched from end to end.
    @Test(arguments: 1...20) func `it keeps the rule through any history`(seed: UInt64) {
        enum Phase { case open, sent, doomed }
        var random = SeededGenerator(seed: seed)
        var sequence = CommandSequence()
        var expected: [(number: Int, phase: Phase)] = []
        for _ in 0..<400 {
            let index = expected.indices.randomElement(using: &random)
            switch (Int.random(in: 0..<6, using: &random), index) {
            case (0, _), (_, nil): expected.append((sequence.enter(), .open))
            case (1...2, let index?):
                sequence.sent(expected[index].number)
                expected[index].phase = .sent
            case (5, _):
                sequence.doubtAll()
                for index in expected.indices where expected[index].phase == .sent { expected[index].phase = .doomed }
            case (3, let index?):
                sequence.refused(expected[index].number)
                expected[index].phase = .open
                for later in expected.indices where later > index && expected[later].phase == .sent {
                    expected[later].phase = .doomed
                }
            case (_, let index?):
                sequence.leave(expected[index].number)
                expected.remove(at: index)
            }
            #expect(sequence.mayEnter == expected.allSatisfy { $0.phase == .sent })
            for (index, command) in expected.enumerated() {
                #expect(
                    sequence.isTurn(of: command.number) == expected[..<index].allSatisfy { $0.phase == .sent })
            }
        }
    }
}

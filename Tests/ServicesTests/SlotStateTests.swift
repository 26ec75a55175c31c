import EventSourcing
import Testing

@testable import CommandService

/// The states that the machine holds of an aggregate, as it is driven.
@Suite("What a slot knows of its aggregate") struct SlotStateTests {
    private var stage = MachineStage()

    private mutating func state(_ name: String = "t") -> SlotState<Tally, String> {
        stage.machine.cache.slot(of: MachineStage.stream(name)).state
    }

    @Test mutating func `if nothing is under way, the newest state is the confirmed one, with the times of the log`() {
        stage.take("first", .count(1))
        stage.take("second", .count(2))
        #expect(state().newest.state.count == 3)
        #expect(state().confirmed.version == 0)
        stage.now = CommandMoment(instant: stage.now.instant, time: Timestamp(microseconds: 2_000_000))
        stage.answerNext()
        #expect(state().confirmed.version == 1)
        #expect(!state().isSettled)
        stage.answerNext()
        #expect(state().isSettled)
        #expect(state().newest == state().confirmed)
        #expect(state().newest.createdAt == Timestamp(microseconds: 2_000_000))
    }

    @Test mutating func `after a conflict, both are what the log told`() {
        stage.take("first", .count(1))
        stage.answerAll()
        stage.record(5)
        stage.take("refused", .count(1000))
        stage.answerAll()
        #expect(state().confirmed.state.count == 6)
        #expect(state().newest == state().confirmed)
    }

    @Test mutating func `what was decided wrongly leaves the states as they were`() {
        stage.take("first", .count(1))
        // An event that cannot be applied: it would count beyond the most.
        stage.take("wrong", .move(-2000, to: "u"))
        #expect(state().newest.state.count == 1)
        #expect(stage.sent.last?.request.isCheck == true)
        stage.take("second", .count(2))
        stage.answerAll()
        guard case .failure(.fault) = stage.answers["wrong"] else {
            Issue.record("expected a fault, found \(String(describing: stage.answers["wrong"]))")
            return
        }
        #expect(stage.executed("second")?.count == 3)
        #expect(state().newest == state().confirmed)
        #expect(state("u").isSettled)
    }
}

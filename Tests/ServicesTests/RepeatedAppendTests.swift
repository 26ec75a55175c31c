import EventSourcing
import Testing

@testable import CommandService

/// The client of the log sends an append again if it does not know what became of it. The log may have recorded it: to whoever
/// sent the command once, the answer is the first one all the same.
@Suite struct RepeatedAppendTests {
    private var stage = MachineStage()
    private let key = MachineStage.key("k")

    /// Whether a command was answered as one that came before, or refused so; nil: otherwise, or not.
    private func isReplay(_ name: String) -> Bool? {
        switch stage.answers[name] {
        case .success(.executed(_, _, let isReplay)): isReplay
        case .success(.replayedRefusal): true
        case .failure(.refused): false
        default: nil
        }
    }

    @Test mutating func `what was executed is no replay, if the event is that of the append`() throws {
        stage.take("once", .count(5), key: key)
        stage.replayNext()
        try stage.readNext()
        #expect(try #require(stage.executed("once")) == (5, 1, 1))
        #expect(isReplay("once") == false)

        stage.take("again", .count(5), key: key)
        stage.replayNext(recording: false)
        try stage.readNext()
        #expect(try #require(stage.executed("again")) == (5, 1, 1))
        #expect(isReplay("again") == true)
    }

    @Test mutating func `nor is what was executed over two aggregates, with what stands on it`() throws {
        stage.take("first", .count(10))
        stage.answerAll()
        stage.take("once", .move(4, to: "u"), key: key)
        stage.take("after", .count(1), key: MachineStage.key("l"))
        stage.replayNext()
        stage.replayNext()
        for _ in 0..<2 { try stage.readNext() }
        #expect(try #require(stage.executed("once")) == (6, 2, 3))
        #expect(try #require(stage.executed("after")) == (7, 3, 4))
        #expect(isReplay("once") == false && isReplay("after") == false)
    }

    @Test mutating func `nor is it if the state was loaded meanwhile`() throws {
        stage.take("once", .count(5), key: key)
        stage.recordNext()
        stage.machine.forget(MachineStage.stream("t"))
        stage.take("other", .count(1))
        stage.replayNext(recording: false)
        #expect(stage.requests.isEmpty)
        #expect(try #require(stage.executed("once")) == (5, 1, 1))
        #expect(isReplay("once") == false)
        stage.answerAll()
        #expect(try #require(stage.executed("other")) == (6, 2, 2))
    }

    @Test mutating func `what another gateway executed under the key is a replay`() throws {
        stage.take("load", .count(1))
        stage.answerAll()
        stage.record(5)
        stage.take("late", .count(5), key: key)
        stage.replayNext(recording: false)
        try stage.readNext()
        #expect(try #require(stage.executed("late")) == (6, 2, 2))
        #expect(isReplay("late") == true)
    }

    @Test mutating func `a refusal is no replay, if it is kept with the id of its decision`() throws {
        stage.take("once", .count(2000), key: key, by: CommandSender(actor: "ann"))
        let kept = try #require(stage.sent.first?.request.command?.outcome)
        stage.replayNext()
        #expect(stage.refusal("once") == .full(at: 0))

        // The same refusal of the same command, decided by another attempt: here or in another gateway.
        stage.take("again", .count(2000), key: key, by: CommandSender(actor: "ann"))
        stage.replayNext(kept: kept)
        #expect(isReplay("again") == true)

        // As it was kept before there were such ids.
        let old = KeptAnswer(try #require(KeptAnswer(kept)).answer, by: "ann").encoded
        stage.take("old", .count(2000), key: key, by: CommandSender(actor: "ann"))
        stage.replayNext(kept: old)
        #expect(isReplay("old") == true)
    }

    @Test mutating func `what was executed without an event has the id, too`() throws {
        stage.take("load", .count(1))
        stage.answerAll()
        stage.take("once", .count(0), key: key)
        let kept = stage.sent.first?.request.command?.outcome
        stage.replayNext()
        #expect(isReplay("once") == false)
        stage.take("again", .count(0), key: key)
        stage.replayNext(kept: kept)
        #expect(isReplay("again") == true)
    }

    @Test mutating func `an event costs no byte under the key`() {
        stage.take("one", .count(5), key: key)
        #expect(stage.sent.first?.request.command?.outcome == [0])
    }
}

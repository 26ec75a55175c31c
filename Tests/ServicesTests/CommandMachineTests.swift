import EventLogProtocol
import EventSourcing
import Testing

@testable import CommandService

@Suite("The command machine") struct CommandMachineTests {
    private var stage = MachineStage()

    // MARK: decisions on what is under way

    @Test mutating func `a command is decided on what is under way, and names the event that it stands on`() throws {
        stage.take("first", .count(600))
        stage.take("second", .count(300))
        #expect(
            stage.sent.map { $0.request.writes[0].expected } == [
                .exactly(0), .exactly(1, lastEvent: stage.sent[0].request.writes[0].events[0].id),
            ])
        stage.answerNext()
        #expect(try #require(stage.executed("first")) == (600, 1, 1))
        #expect(stage.executed("second") == nil)
        stage.answerNext()
        #expect(try #require(stage.executed("second")) == (900, 2, 2))
    }

    @Test mutating func `a refusal stands once the log confirms what it was decided on`() throws {
        stage.take("first", .count(900))
        stage.take("second", .count(200))
        #expect(stage.answers.isEmpty)
        #expect(stage.sent[1].request.isCheck)
        stage.answerNext()
        #expect(stage.refusal("second") == nil)
        stage.answerNext()
        #expect(stage.refusal("second") == .full(at: 900))
    }

    @Test mutating func `a refusal that others have made wrong is not told`() throws {
        stage.record(950)
        stage.take("first", .count(100))
        stage.record(-900)
        stage.answerAll()
        #expect(try #require(stage.executed("first")) == (150, 3, 3))
    }

    @Test mutating func `a refused append unwinds all that stood on it`() throws {
        stage.take("load", .count(1))
        stage.answerAll()
        stage.take("first", .count(10))
        stage.take("second", .count(20))
        stage.record(500)
        stage.answerNext()
        // Decided again on what the log told, before the second has been refused.
        #expect(stage.sent.count == 2)
        #expect(stage.sent[1].request.writes[0].expected == .exactly(2, lastEvent: UniqueID(high: 99, low: 1)))
        stage.answerAll()
        #expect(try #require(stage.executed("first")).count == 511)
        #expect(try #require(stage.executed("second")).count == 531)
        #expect(stage.machine.decisions == 5)
    }

    @Test mutating func `an append that failed takes with it what stood on it, and nothing before it`() throws {
        for (name, by) in [("first", 10), ("second", 20), ("third", 30)] { stage.take(name, .count(by)) }
        let first = stage.sent.removeFirst()
        stage.failNext()
        stage.take("fourth", .count(1))
        #expect(stage.sent.last?.request.writes[0].expected == .exactly(1, lastEvent: first.own.sent[0].id))
        stage.sent.insert(first, at: 0)
        stage.answerAll()
        guard case .failure(.log(let error)) = stage.answers["second"] else {
            Issue.record("the second failed")
            return
        }
        #expect(error.code == .outcomeUnknown)
        #expect(stage.count() == 41)
        #expect(stage.executed("third")?.count == 41 || stage.executed("fourth")?.count == 41)
    }

    @Test mutating func `an append that the log is too busy for is decided again after a pause`() throws {
        stage.take("one", .count(5))
        let append = stage.sent.removeFirst()
        stage.machine.appended(append, .failure(EventLogError(.overloaded, "busy")), at: stage.now)
        guard case .pause(let run, let pause) = stage.machine.nextAction() else {
            Issue.record("it waits")
            return
        }
        #expect(pause > .zero && pause <= .milliseconds(100))
        stage.machine.pauseEnded(run, at: stage.now)
        guard case .append(let again) = stage.machine.nextAction() else {
            Issue.record("it is decided again")
            return
        }
        stage.sent.append(again)
        stage.answerAll()
        #expect(try #require(stage.executed("one")) == (5, 1, 1))
    }

    @Test mutating func `a check whose answer is lost has recorded nothing`() throws {
        stage.take("one", .count(2000))
        stage.failNext()
        guard case .failure(.log(let error)) = stage.answers["one"] else {
            Issue.record("it failed")
            return
        }
        #expect(error.code == .unavailable)
    }

    @Test mutating func `what was committed though it was given up is read from the log`() throws {
        stage.take("first", .count(10))
        stage.take("second", .count(20))
        stage.failNext(recording: true)
        stage.answerNext()
        guard case .readRevision(let run, version: 2) = try #require(stage.requests.first) else {
            Issue.record("the state after it is asked for")
            return
        }
        let revision = try Revision<Tally>(of: run.order.stream, folding: stage.streams[run.order.stream] ?? [])
        stage.machine.readRevision(run, .success(revision), at: stage.now)
        guard
            case .answer("second", .success(.executed(let told, position: 2, isReplay: false))) = stage.machine
                .nextAction()
        else {
            Issue.record("it is answered")
            return
        }
        #expect(told.state.count == 30)
    }

    @Test(arguments: [1, 0])
    mutating func `missed events that are cut short, or not shown at all, are loaded`(shown: Int) throws {
        stage.take("load", .count(1))
        stage.answerAll()
        stage.take("first", .count(10))
        stage.record(5)
        stage.record(6)
        let append = stage.sent.removeFirst()
        let conflict = StreamConflict(
            write: 0, stream: MachineStage.stream("t"), actual: 3,
            missed: Array(stage.streams[MachineStage.stream("t")]![1..<1 + shown]))
        stage.machine.appended(append, .success(.conflict(AppendConflict([conflict]))), at: stage.now)
        guard case .load(let slot) = stage.machine.nextAction() else {
            Issue.record("the rest is loaded")
            return
        }
        stage.load(slot)
        stage.answerAll()
        #expect(try #require(stage.executed("first")) == (22, 4, 4))
    }

    @Test mutating func `an aggregate that is outdated while it is loaded is loaded again`() throws {
        stage.holdsLoads = true
        stage.take("first", .count(10))
        guard case .load(let slot) = stage.requests.removeFirst() else { return }
        stage.machine.forgetAll()
        stage.load(slot)
        #expect(stage.sent.isEmpty)
        guard case .load = try #require(stage.requests.first) else {
            Issue.record("it is loaded again")
            return
        }
    }

    @Test mutating func `all who wait for a load that fails are told`() throws {
        stage.holdsLoads = true
        for name in ["a", "b"] { stage.take(name, .count(1)) }
        guard case .load(let slot) = stage.requests.removeFirst() else { return }
        #expect(stage.requests.isEmpty)
        stage.machine.loaded(slot, .failure(.log(EventLogError(.unavailable, "gone"))), at: stage.now)
        for name in ["a", "b"] {
            guard case .answer(name, .failure(.log)) = stage.machine.nextAction() else {
                Issue.record("\(name) is told")
                return
            }
        }
        #expect(stage.machine.commandsInProgress == 0)
    }

    @Test mutating func `more commands than may be in progress are refused at once`() {
        stage = MachineStage(commandsInProgress: 2)
        for name in ["a", "b", "c"] { stage.take(name, .count(1)) }
        guard case .failure(.log(let error)) = stage.answers["c"] else {
            Issue.record("the third is refused")
            return
        }
        #expect(error.code == .overloaded)
        stage.answerAll()
        #expect(stage.machine.commandsInProgress == 0)
    }

    // MARK: several aggregates

    @Test mutating func `a command over two aggregates appends to both, each with its expectation`() throws {
        stage.record(7, on: "u")
        stage.take("give", .count(100))
        stage.take("move", .move(30, to: "u"))
        let writes = stage.sent[1].request.writes
        #expect(writes.map(\.stream.name) == ["t", "u"])
        #expect(
            writes.map(\.expected) == [
                .exactly(1, lastEvent: stage.sent[0].request.writes[0].events[0].id),
                .exactly(1, lastEvent: UniqueID(high: 99, low: 0)),
            ])
        stage.answerAll()
        #expect(try #require(stage.executed("move")) == (70, 2, 4))
        #expect((stage.count("t"), stage.count("u")) == (70, 37))
    }

    @Test mutating func `a refusal over two aggregates names both`() {
        stage.take("move", .move(30, to: "u"))
        #expect(stage.sent[0].request.isCheck)
        #expect(stage.sent[0].request.writes.map(\.stream.name) == ["t", "u"])
        stage.answerAll()
        #expect(stage.refusal("move") == .short(of: 30, at: 0))
    }

    @Test mutating func `a conflict on the second aggregate lets all be decided again that stood on either`() throws {
        stage.take("give", .count(100))
        stage.take("other", .count(1), on: "u")
        stage.answerAll()
        stage.take("move", .move(30, to: "u"))
        stage.take("after", .count(5))
        stage.take("back", .move(10, to: "t"), on: "u")
        stage.record(500, on: "u")
        stage.answerNext()
        // The move was decided again; what stood on it is given up and refused by the log in its turn.
        #expect(stage.sent.count == 3)
        stage.answerAll()
        #expect((stage.count("t"), stage.count("u")) == (85, 521))
        #expect(stage.answered.suffix(3).sorted() == ["after", "back", "move"])
        #expect(stage.machine.commandsInProgress == 0)
    }

    @Test mutating func `what is given up takes with it what stood on it on a third aggregate`() throws {
        for name in ["t", "u", "v"] { stage.take(name, .count(100), on: name) }
        stage.answerAll()
        stage.take("first", .move(1, to: "u"))
        stage.take("second", .move(2, to: "v"), on: "u")
        stage.take("third", .count(3), on: "v")
        stage.record(50, on: "t")
        stage.answerNext()
        // Decided on v as the log has it, not on what the second would have made of it.
        stage.take("fourth", .count(4), on: "v")
        #expect(
            stage.sent.last?.request.writes[0].expected
                == .exactly(1, lastEvent: stage.streams[MachineStage.stream("v")]?.last?.event.id))
        stage.answerAll()
        #expect((stage.count("t"), stage.count("u"), stage.count("v")) == (149, 99, 109))
    }

    // MARK: events that are referred to

    @Test mutating func `an earlier event is read from the log, or found among what is under way`() throws {
        stage.record(40)
        stage.take("undo", .undo(version: 1))
        guard case .readEvent(let run, version: 1) = try #require(stage.requests.first) else {
            Issue.record("the event is asked for")
            return
        }
        stage.machine.readEvent(run, .success(.counted(40)), at: stage.now)
        while let action = stage.machine.nextAction() {
            if case .append(let append) = action { stage.sent.append(append) }
        }
        stage.take("count", .count(9))
        stage.take("undo it", .undo(version: 3))
        stage.take("none", .undo(version: 70))
        stage.answerAll()
        #expect(stage.refusal("none") == .noSuchEvent)
        #expect(try #require(stage.executed("undo it")) == (0, 4, 4))
    }

    // MARK: conditions and keys

    @Test mutating func `a condition is judged on what is under way, and stands once that is confirmed`() {
        stage.take("first", .count(1), at: 0)
        stage.take("second", .count(1), at: 0)
        #expect(stage.answers.isEmpty)
        stage.answerAll()
        guard case .failure(.conditionFailed(actual: 1, position: 1)) = stage.answers["second"] else {
            Issue.record("the second is not at version 0")
            return
        }
    }

    @Test mutating func `a failed condition under a key is told only if the key is free`() throws {
        stage.take("first", .count(1), at: 5, key: MachineStage.key("k"))
        stage.answerAll()
        guard case .findOutcome(let run) = try #require(stage.requests.first) else {
            Issue.record("the key is looked up")
            return
        }
        let outcome = KeyedOutcome(
            streams: [run.order.stream], commit: Commit(position: 9, recordedAt: stage.now.time, streamVersions: [0]),
            outcome: RecordedAnswer.refused(status: 409, body: Array("{}".utf8)).encoded)
        stage.machine.foundOutcome(
            run, .success(BoundOutcome(fingerprint: Digest256(1, 0, 0, 0), outcome: outcome)), at: stage.now)
        guard
            case .answer("first", .success(.replayedRefusal(status: 409, body: _, position: 9))) = stage.machine
                .nextAction()
        else {
            Issue.record("it is answered as it was then")
            return
        }
    }

    @Test mutating func `a key in use is refused, and free again afterwards`() {
        stage.take("first", .count(1), key: MachineStage.key("k"))
        stage.take("same", .count(1), key: MachineStage.key("k"))
        stage.take("other", .count(2), key: MachineStage.key("k", fingerprint: 2))
        guard case .failure(.inProgress) = stage.answers["same"], case .failure(.keyReused) = stage.answers["other"]
        else {
            Issue.record("the key is in use")
            return
        }
        stage.answerAll()
        stage.take("again", .count(1), key: MachineStage.key("k"))
        #expect(stage.sent.count == 1)
    }

    @Test mutating func `a key is one of each actor`() throws {
        let (ann, bob) = (CommandSender(actor: "ann"), CommandSender(actor: "bob"))
        stage.take("ann's", .count(1), key: MachineStage.key("k"), by: ann)
        stage.take("bob's", .count(2), key: MachineStage.key("k", fingerprint: 2), by: bob)
        stage.take("nobody's", .count(3), key: MachineStage.key("k", fingerprint: 3))
        stage.take("ann's again", .count(1), key: MachineStage.key("k"), by: CommandSender(actor: "ann"))
        stage.take("bob's other", .count(9), key: MachineStage.key("k", fingerprint: 9), by: bob)
        guard case .failure(.inProgress) = stage.answers["ann's again"],
            case .failure(.keyReused) = stage.answers["bob's other"]
        else {
            Issue.record("within one actor it is in use")
            return
        }
        let keys = stage.sent.compactMap { $0.request.command }
        #expect(keys.map(\.key.count) == [33, 33, 1] && Set(keys.map(\.key)).count == 3)
        #expect(keys.map { KeptAnswer($0.outcome)?.actor } == ["ann", "bob", nil])
        stage.answerAll()
        #expect(stage.count() == 6)
    }

    @Test mutating func `a refusal under a key keeps who was refused`() throws {
        stage.take("too much", .count(2000), key: MachineStage.key("k"), by: CommandSender(actor: "ann"))
        let kept = try #require(stage.sent[0].request.command.flatMap { KeptAnswer($0.outcome) })
        #expect(kept.actor == "ann")
        guard case .refused(status: 409, _) = kept.answer else {
            Issue.record("it is refused")
            return
        }
        // It is given back as it was, without that.
        stage.answerNext()
        stage.take("again", .count(2000), key: MachineStage.key("k"), by: CommandSender(actor: "ann"))
        let outcome = KeyedOutcome(
            streams: [MachineStage.stream("t")],
            commit: Commit(position: 0, recordedAt: stage.now.time, streamVersions: [0]), outcome: kept.encoded)
        stage.machine.appended(stage.sent.removeFirst(), .success(.replayed(outcome)), at: stage.now)
        guard case .answer("again", .success(.replayedRefusal(status: 409, let body, _))) = stage.machine.nextAction()
        else {
            Issue.record("it is a replay")
            return
        }
        #expect(kept.answer == .refused(status: 409, body: body))
    }

    // MARK: sequences

    @Test mutating func `after a refusal those in sequence are decided again in their order, before any later one`() {
        stage.take("load", .count(1))
        stage.answerAll()
        for name in ["a", "b", "c"] { stage.take(name, .count(10), inSequence: true) }
        stage.record(500)
        stage.answerNext()
        stage.take("d", .count(10), inSequence: true)
        // a is decided again; b, c and d wait until the log has refused b and c.
        #expect(stage.sent.count == 3)
        stage.answerAll()
        #expect(stage.answered == ["load", "a", "b", "c", "d"])
        #expect(stage.executed("d")?.count == 541)
    }

    @Test mutating func `a command in sequence waits for those before it on its other aggregate, too`() {
        for name in ["t", "u"] { stage.take(name, .count(100), on: name) }
        stage.answerAll()
        stage.holdsLoads = true
        stage.machine.forget(MachineStage.stream("u"))
        stage.take("on u", .count(900), on: "u", inSequence: true)
        stage.take("move", .move(1, to: "u"), inSequence: true)
        stage.take("on t", .count(1), inSequence: true)
        #expect(stage.sent.isEmpty)
        guard case .load(let slot) = stage.requests.removeFirst() else { return }
        stage.load(slot)
        stage.answerAll()
        #expect(stage.refusal("move") == .full(at: 1000))
        #expect(stage.executed("on t")?.count == 101)
    }

    @Test mutating func `one that records nothing on its other aggregate holds up those after it there`() {
        for name in ["t", "u"] { stage.take(name, .count(100), on: name) }
        stage.answerAll()
        stage.take("move", .move(500, to: "u"), inSequence: true)
        stage.take("on u", .count(800), on: "u", inSequence: true)
        stage.record(700, on: "t")
        // Refused on what it knew; the log knows better, and what comes after it on u must see that.
        stage.answerNext()
        stage.answerAll()
        #expect(stage.executed("move")?.count == 300)
        #expect(stage.refusal("on u") == .full(at: 600))
    }

    @Test mutating func `a command in sequence with the key of one before it gets that one's answer`() throws {
        stage.take("first", .count(1), key: MachineStage.key("k"), inSequence: true)
        stage.take("again", .count(1), key: MachineStage.key("k"), inSequence: true)
        stage.take("later", .count(1), inSequence: true)
        #expect(stage.sent.count == 1)
        stage.answerNext()
        #expect(stage.answered == ["first"])
        // The log would tell now that the key is bound.
        let append = stage.sent.removeFirst()
        let outcome = KeyedOutcome(
            streams: [MachineStage.stream("t")],
            commit: Commit(position: 1, recordedAt: stage.now.time, streamVersions: [1]),
            outcome: RecordedAnswer.obeyed.encoded)
        stage.machine.appended(append, .success(.replayed(outcome)), at: stage.now)
        guard case .answer("again", .success(.executed(_, position: 1, isReplay: true))) = stage.machine.nextAction()
        else {
            Issue.record("it is a replay")
            return
        }
    }
}

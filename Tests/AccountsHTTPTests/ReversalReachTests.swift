import Access
import Accounts
import EventLogProtocol
import EventSourcing
import JSON
import ServiceSupport
import TestSupport
import Testing

@testable import AccountsHTTP
@testable import CommandService

/// A reversal finds the other account of a transfer by an event. If it takes from that, its sender must see it.
@Suite struct ReversalReachTests {
    private typealias Machine = CommandMachine<Account, Int, SeededGenerator>
    private typealias Outcome = Result<CommandAnswer<Account>, CommandFailure<Account>>

    private let now = CommandMoment(instant: .now, time: seconds(10))
    private let side = TransferSide(
        amount: money("5.00"), counterparty: stream("b"), counterpartyVersion: 2, transfer: UniqueID(high: 7, low: 2),
        details: .none)
    private let otherSide = TransferSide(
        amount: money("5.00"), counterparty: stream("a"), counterpartyVersion: 2, transfer: UniqueID(high: 7, low: 2),
        details: .none)

    /// `a` has sent 5.00 to `b`.
    private func history(of name: String) -> [AccountEvent] {
        [opened("50.00"), name == "a" ? .sent(side) : .received(otherSide)]
    }

    private func records(of stream: StreamID) -> [RecordedEvent] {
        history(of: stream.name).enumerated().map { index, event in
            RecordedEvent(
                position: UInt64(index) + 1, stream: stream, streamVersion: UInt64(index) + 1, recordedAt: seconds(1),
                event: NewEvent(
                    id: UniqueID(high: 7, low: UInt64(index) + 1), type: event.type, schemaVersion: 2,
                    data: event.encoded()), hash: Digest256(0, 0, 0, 0))
        }
    }

    /// Reverses the transfer on one side; gives the answer, the appends that were sent, and what was loaded.
    private func reverse(
        on name: String, by sender: CommandSender?, key: IdempotencyKey? = nil
    ) throws -> (answer: Outcome?, sent: [AppendRequest], loaded: [String], lookedUp: Bool) {
        var machine = Machine(
            limits: CommandLimits(cachedAggregates: 10), snapshots: SnapshotPolicy(interval: 0),
            random: SeededGenerator(seed: 1))
        let own = stream(name)
        machine.take(
            CommandOrder(
                .reverse(version: 2, reason: "a mistake"), on: own, key: key, sender: sender,
                recordOfRefusal: { AccountCommands().record(of: $0, on: own, for: sender) }), for: 1, at: now)
        var (answer, sent, loaded, lookedUp) = (nil as Outcome?, [] as [AppendRequest], [] as [String], false)
        while let action = machine.nextAction() {
            switch action {
            case .load(let slot):
                loaded.append(slot.stream.name)
                machine.loaded(
                    slot, .success(try Revision(of: slot.stream, folding: records(of: slot.stream))), at: now)
            case .readEvent(let run, let version):
                machine.readEvent(run, .success(history(of: name)[Int(version) - 1]), at: now)
            case .append(let append):
                sent.append(append.request)
                let versions = append.request.writes.map { UInt64(2 + $0.events.count) }
                let commit = Commit(position: 9, recordedAt: seconds(11), streamVersions: versions)
                machine.appended(append, .success(.committed(commit)), at: now)
            case .findOutcome(let run):
                lookedUp = true
                machine.foundOutcome(run, .success(nil), at: now)
            case .answer(_, let outcome): answer = outcome
            default: Issue.record("that is not asked for")
            }
        }
        return (answer, sent, loaded, lookedUp)
    }

    @Test(arguments: [nil, IdempotencyKey(bytes: [0x6B], fingerprint: Digest256(1, 0, 0, 0))])
    func `money is not fetched back from an account that is not seen`(key: IdempotencyKey?) throws {
        let (answer, sent, loaded, lookedUp) = try reverse(
            on: "a", by: CommandSender(actor: "ann", reach: .one("a")), key: key)
        guard case .failure(.beyondReach(stream("b"), position: 9)) = answer else {
            Issue.record("it is refused, and not \(String(describing: answer))")
            return
        }
        // The log confirms what it refers to; of the other account nothing is loaded, and no key is bound.
        #expect(loaded == ["a"])
        #expect(sent.map(\.isCheck) == [true] && sent[0].writes.map(\.stream) == [stream("a")])
        #expect(sent[0].command == nil)
        #expect(lookedUp == (key != nil))
    }

    @Test(arguments: [
        nil, CommandSender(actor: "ann"), CommandSender(actor: nil, reach: .prefix("")),
        CommandSender(actor: "ann", reach: .prefix("b")),
    ])
    func `who sees the account that pays reverses it`(sender: CommandSender?) throws {
        let reversal = try reverse(on: sender?.reach == .prefix("b") ? "b" : "a", by: sender)
        guard case .success(.executed(let revision, position: 9, isReplay: false)) = reversal.answer else {
            Issue.record("it is executed")
            return
        }
        #expect(revision.version == 3)
        #expect(Set(reversal.sent[0].writes.map(\.stream.name)) == ["a", "b"])
    }
}

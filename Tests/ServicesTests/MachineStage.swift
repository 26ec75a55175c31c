import EventLogProtocol
import EventSourcing
import TestSupport

@testable import CommandService

/// A command machine for tallies, with a log that answers when a test lets it.
struct MachineStage {
    typealias Machine = CommandMachine<Tally, String, SeededGenerator>
    typealias Outcome = Result<CommandAnswer<Tally>, CommandFailure<Tally>>

    var machine: Machine
    /// What was sent to the log and is not answered.
    var sent: [PendingAppend<Tally, String>] = []
    var answers: [String: Outcome] = [:]
    /// In the order in which they came.
    var answered: [String] = []
    /// Requests other than appends and loads.
    var requests: [CommandAction<Tally, String>] = []
    /// What the log holds of each stream.
    var streams: [StreamID: [RecordedEvent]] = [:]
    /// Whether loads are left to the test.
    var holdsLoads = false
    var now = CommandMoment(instant: .now, time: Timestamp(microseconds: 1_000_000))
    private var lastPosition: UInt64 = 0

    init(cachedAggregates: Int = 100, commandsInProgress: Int = 100) {
        machine = Machine(
            limits: CommandLimits(cachedAggregates: cachedAggregates, commandsInProgress: commandsInProgress),
            snapshots: SnapshotPolicy(interval: 0), random: SeededGenerator(seed: 7))
    }

    static func stream(_ name: String) -> StreamID { StreamID(category: Tally.category, name: name)! }

    static func key(_ name: String, fingerprint: UInt64 = 1) -> IdempotencyKey {
        IdempotencyKey(bytes: Array(name.utf8), fingerprint: Digest256(fingerprint, 0, 0, 0))
    }

    // MARK: inputs

    mutating func take(
        _ name: String, _ command: Tally.Command, on stream: String = "t", at version: UInt64? = nil,
        key: IdempotencyKey? = nil, by sender: CommandSender? = nil, inSequence: Bool = false
    ) {
        var condition = CommandCondition()
        if let version { condition.versions = [version] }
        let order = CommandOrder<Tally>(
            command, on: Self.stream(stream), condition: condition, key: key, sender: sender, isInSequence: inSequence,
            recordOfRefusal: { refusal in .refused(status: 409, body: Array("{\"why\":\"\(refusal)\"}".utf8)) })
        machine.take(order, for: name, at: now)
        perform()
    }

    /// Lets the log judge the oldest append that is not answered.
    mutating func answerNext() {
        let append = sent.removeFirst()
        machine.appended(append, .success(judge(append.request)), at: now)
        perform()
    }

    mutating func answerAll() { while !sent.isEmpty { answerNext() } }

    /// Lets the answer to the oldest append be lost.
    mutating func failNext(recording: Bool = false) {
        let append = sent.removeFirst()
        if recording { _ = judge(append.request) }
        machine.appended(append, .failure(EventLogError(.outcomeUnknown, "lost")), at: now)
        perform()
    }

    /// Lets the log record the oldest append that is not answered; the answer is on its way.
    mutating func recordNext() {
        guard let append = sent.first else { return }
        _ = judge(append.request)
    }

    /// Lets the log record the oldest append, but not answer it: asked again, it knows the key.
    ///
    /// - Parameter kept: what it keeps under the key, if that is not what was sent.
    mutating func replayNext(recording: Bool = true, kept: [UInt8]? = nil) {
        let append = sent.removeFirst()
        if recording { _ = judge(append.request) }
        let streams = append.request.writes.map(\.stream)
        let commit = Commit(
            position: lastPosition, recordedAt: now.time,
            streamVersions: streams.map { UInt64(self.streams[$0]?.count ?? 0) })
        let outcome = KeyedOutcome(
            streams: streams, commit: commit, outcome: kept ?? append.request.command?.outcome ?? [])
        machine.appended(append, .success(.replayed(outcome)), at: now)
        perform()
    }

    /// Answers the oldest request for an earlier state.
    mutating func readNext() throws {
        guard case .readRevision(let run, let version) = requests.removeFirst() else { return }
        let history = (streams[run.order.stream] ?? []).prefix(Int(version))
        machine.readRevision(run, .success(try Revision<Tally>(of: run.order.stream, folding: history)), at: now)
        perform()
    }

    mutating func load(_ slot: AggregateSlot<Tally, String>) {
        let result = Result { () throws(CommandFailure<Tally>) in
            do throws(RevisionError) {
                return try Revision<Tally>(of: slot.stream, folding: streams[slot.stream] ?? [])
            } catch {
                throw .unreadable(error)
            }
        }
        machine.loaded(slot, result, at: now)
        perform()
    }

    private mutating func perform() {
        while let action = machine.nextAction() {
            switch action {
            case .append(let append): sent.append(append)
            case .answer(let name, let outcome):
                answers[name] = outcome
                answered.append(name)
            case .load(let slot) where !holdsLoads: load(slot)
            default: requests.append(action)
            }
        }
    }

    // MARK: the log

    /// Records what somebody else appends.
    mutating func record(_ by: Int, on stream: String = "t") {
        let stream = Self.stream(stream)
        let event = Tally.Event.counted(by)
        _ = judge(
            AppendRequest(writes: [
                StreamWrite(
                    stream: stream, expected: .any,
                    events: [
                        NewEvent(
                            id: UniqueID(high: 99, low: lastPosition), type: event.type, schemaVersion: 1,
                            data: event.encoded())
                    ])
            ]))
    }

    private mutating func judge(_ request: AppendRequest) -> AppendResult {
        var conflicts: [StreamConflict] = []
        for (index, write) in request.writes.enumerated() {
            let held = streams[write.stream] ?? []
            guard case .exactly(let version, let last) = write.expected,
                version != held.count || held.last?.event.id != last
            else { continue }
            let seen = Int(version) < held.count ? Int(version) : max(0, held.count - 1)
            conflicts.append(
                StreamConflict(
                    write: index, stream: write.stream, actual: UInt64(held.count),
                    missed: Array(held[max(0, seen - 1)...])))
        }
        if !conflicts.isEmpty { return .conflict(AppendConflict(conflicts)) }
        for write in request.writes {
            for event in write.events {
                lastPosition += 1
                streams[write.stream, default: []].append(
                    RecordedEvent(
                        position: lastPosition, stream: write.stream,
                        streamVersion: UInt64(streams[write.stream]?.count ?? 0) + 1, recordedAt: now.time,
                        event: event, hash: Digest256(0, 0, 0, 0)))
            }
        }
        return .committed(
            Commit(
                position: lastPosition, recordedAt: now.time,
                streamVersions: request.writes.map { UInt64(streams[$0.stream]?.count ?? 0) }))
    }

    // MARK: what came of it

    /// What the log holds of a tally.
    func count(_ name: String = "t") -> Int {
        (try? Revision<Tally>(of: Self.stream(name), folding: streams[Self.stream(name)] ?? []))?.state.count ?? -1
    }

    /// The state and version that a command was answered with; nil if it was not executed.
    func executed(_ name: String) -> (count: Int, version: UInt64, position: UInt64)? {
        guard case .success(.executed(let revision, let position, _)) = answers[name] else { return nil }
        return (revision.state.count, revision.version, position)
    }

    func refusal(_ name: String) -> Tally.Refusal? {
        guard case .failure(.refused(let refusal, _)) = answers[name] else { return nil }
        return refusal
    }
}

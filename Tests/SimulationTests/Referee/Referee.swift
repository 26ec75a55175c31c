internal import CommandService
internal import EventLogProtocol
internal import EventSourcing

/// Sees all that is asked, decided, recorded, delivered and answered, and notes what breaks a promise.
final class Referee<Domain: SimulatedDomain> {
    typealias State = Domain.State

    /// How an order under a key was answered for good.
    enum Outcome: Hashable {
        case executed(Revision<State>)
        /// With what was kept of the refusal.
        case refused([UInt8])
    }

    /// A decision that was sent to the log.
    struct Sent {
        let time: Timestamp
        /// The id of its last event in the stream that the order was sent to; nil without such an event.
        let lastEvent: UniqueID?
    }

    /// What is known of one attempt.
    struct Attempt {
        let order: Order<State>
        /// The head of the log when its client sent it.
        let headWhenSent: UInt64
        var sent: [Sent] = []
        /// The positions of the events that it recorded.
        var recorded: ClosedRange<UInt64>?
        /// The position of the log at which it was refused, or needed nothing; not of a replay.
        var denied: UInt64?
        /// The streams that it was decided over, once that is known. Of one that refers to an earlier event only its own: what
        /// else it concerns is known only when it is decided, too late for its place in a sequence.
        var streams: Set<StreamID> = []
        /// Those of them that it has recorded events of.
        var changed: Set<StreamID> = []
        /// Whether its client was told that it was executed.
        var isAcknowledged = false
        /// Whether its client was told that it recorded nothing.
        var isDenied = false
    }

    /// No command is decided more often: each decision but the last is refused for something that was recorded meanwhile.
    private static var maxDecisions: Int { 100 }

    let world: World
    var history = History<State>()
    var books = Domain.Books()
    var attempts: [Int: Attempt] = [:]
    /// Whose events are under a key.
    var executed: [KeyScope: Int] = [:]
    var outcomes: [KeyScope: (fingerprint: Digest256, outcome: Outcome)] = [:]
    /// The last of each sequence that was recorded and decided over a stream, and the last that has changed it.
    var lastRecorded: [SequenceScope: (any: Int, change: Int)] = [:]
    /// The fingerprints that were sent under a key.
    private var fingerprints: [KeyScope: Set<Digest256>] = [:]
    private(set) var decisions = 0
    private var lastAttempt = 0

    init(_ world: World) { self.world = world }

    func nextAttempt() -> Int {
        lastAttempt += 1
        return lastAttempt
    }

    func sent(_ order: Order<State>) {
        attempts[order.attempt] = Attempt(order: order, headWhenSent: history.head)
        guard let bound = order.bound, let key = order.key else { return }
        fingerprints[bound, default: []].insert(key.fingerprint)
        let isOfTwo = fingerprints.keys.contains {
            $0.stream == bound.stream && $0.key == bound.key && $0.actor != bound.actor
        }
        if isOfTwo { world.saw(.keyOfTwo) }
    }

    /// A gateway has decided an order, and sends what it decided.
    func decided(_ attempt: Int, _ request: AppendRequest, at time: Timestamp) {
        guard let order = attempts[attempt]?.order else {
            return world.violated(.soundDecision, "attempt \(attempt) is decided, and nobody asked for it")
        }
        let own = request.writes.first
        world.expect(
            own?.stream == order.stream, .soundDecision, "\(order) is decided over \(request.writes.map(\.stream))")
        decisions += 1
        world.expect(
            attempts[attempt]?.sent.count ?? 0 < Self.maxDecisions, .bounded, "\(order) is decided again and again")
        attempts[attempt]?.sent.append(Sent(time: time, lastEvent: own?.events.last?.id))
    }

    /// Whether another command was sent under the order's key.
    func wasReused(_ order: Order<State>) -> Bool {
        order.bound.map { fingerprints[$0, default: []].contains { $0 != order.key?.fingerprint } } ?? false
    }

    /// What the sequential reference decides at a position of the log.
    func reference(
        _ order: Order<State>, at position: UInt64, time: Timestamp, eventID: UniqueID
    ) -> (streams: [StreamID], decision: Result<Decision<State.Event>, State.Refusal>) {
        let revision = history.revision(of: order.stream, at: position)
        let referred = referredEvent(of: order, at: position)
        let others = State.otherStreams(for: order.command, on: order.stream, referring: referred)
        let context = DecisionContext<State>(
            revision, others: others.map { history.revision(of: $0, at: position) }, referred: referred, at: time,
            eventID: eventID)
        do throws(State.Refusal) {
            return ([order.stream] + others, .success(try State.decide(order.command, in: context)))
        } catch {
            return ([order.stream] + others, .failure(error))
        }
    }

    /// The event that an order refers to, as of a position of the log.
    private func referredEvent(of order: Order<State>, at position: UInt64) -> State.Event? {
        guard let version = State.referredVersion(in: order.command),
            version <= history.version(of: order.stream, at: position),
            let record = history.record(order.stream, version: version)
        else { return nil }
        return event(record)
    }

    /// The streams that an order would take from at a position of the log, and its sender does not see.
    func streamsBeyondReach(of order: Order<State>, at position: UInt64) -> [StreamID] {
        let referred = referredEvent(of: order, at: position)
        return State.streamsDrawnOn(by: order.command, on: order.stream, referring: referred)
            .filter { !order.sender.sees($0) }
    }

    /// Those of the streams of a decision in which it keeps its place in a sequence.
    func ordered(_ streams: [StreamID], of order: Order<State>) -> Set<StreamID> {
        State.referredVersion(in: order.command) == nil ? Set(streams) : [order.stream]
    }

    func event(_ record: RecordedEvent) -> State.Event? {
        do {
            return try State.Event(
                type: record.type, schemaVersion: record.event.schemaVersion, data: record.event.data)
        } catch {
            world.violated(.fold, "\(error)")
            return nil
        }
    }
}

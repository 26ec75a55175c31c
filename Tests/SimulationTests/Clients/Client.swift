internal import CommandService
internal import EventLogProtocol
internal import EventSourcing

/// Somebody who sends orders, alone or many in sequence, and repeats those that were not answered for good. Now and then
/// it is impatient and repeats an order while the first is still in progress, or reads what it has written.
final class Client<Domain: SimulatedDomain> {
    typealias State = Domain.State

    private struct Intent {
        let stream: StreamID
        let command: State.Command
        let condition: UInt64?
        let key: Order<State>.Key?
    }

    private let name: String
    private let sender: CommandSender?
    private let world: World
    private let circumstances: Circumstances
    private let referee: Referee<Domain>
    private unowned let cast: Cast<Domain>
    private var ordersLeft: Int
    private var keysUsed = 0
    private var seenVersions: [StreamID: UInt64] = [:]
    private var attemptsUnderWay = 0
    private var isResting = true

    init(
        _ name: String, as sender: CommandSender?, _ world: World, _ circumstances: Circumstances,
        _ referee: Referee<Domain>,
        among cast: Cast<Domain>
    ) {
        self.name = name
        self.sender = sender
        self.world = world
        self.circumstances = circumstances
        self.referee = referee
        self.cast = cast
        ordersLeft = circumstances.ordersPerClient
        rest()
    }

    var isDone: Bool { ordersLeft == 0 && attemptsUnderWay == 0 && isResting }

    var state: String { "\(name): \(ordersLeft) orders left, \(attemptsUnderWay) attempts in progress" }

    private func rest() {
        isResting = true
        guard ordersLeft > 0 else { return }
        world.after(circumstances.rest) { [unowned self] in
            ordersLeft -= 1
            isResting = false
            if world.onceIn(circumstances.ordersPerSequence) { sendSequence() } else { sendOne() }
        }
    }

    private func sendOne() {
        let intent = newIntent()
        pursue([intent])
        guard intent.key != nil, world.onceIn(4) else { return }
        // It does not wait for the first answer, and takes that of the second for nothing but one more.
        world.after(0 ... .milliseconds(5)) { [unowned self] in attempt(intent) { _ in } }
    }

    private func newIntent() -> Intent {
        let stream = world.oneOf(cast.streams.filter { sender.sees($0) })
        let seen = seenVersions[stream] ?? 0
        let command = Domain.command(to: stream, among: cast.streams, seen: seen, world)
        var condition: UInt64?
        if world.onceIn(5) { condition = world.onceIn(3) ? seen + world.between(0...2) : seen }
        var key: Order<State>.Key?
        if world.onceIn(2) {
            // Now and then one that was used before.
            if keysUsed == 0 || !world.onceIn(8) { keysUsed += 1 }
            // Those that gateways can tell apart may have keys in common.
            let owner = sender == nil ? name : "key"
            key = Order.Key(bytes: Array("\(owner)-\(keysUsed)".utf8), fingerprint: Domain.fingerprint(of: command))
        }
        return Intent(stream: stream, command: command, condition: condition, key: key)
    }

    /// Sends orders, one after another, each until it is answered for good; without a key it must not be repeated if the
    /// outcome is not known.
    private func pursue(_ intents: some Collection<Intent>) {
        guard let intent = intents.first else { return rest() }
        attempt(intent) { [unowned self] answer in
            guard mustRepeat(intent, after: answer) else { return pursue(Array(intents.dropFirst())) }
            world.after(.milliseconds(1) ... .milliseconds(200)) { [unowned self] in pursue(intents) }
        }
    }

    private func mustRepeat(_ intent: Intent, after answer: Answer<State>) -> Bool {
        switch answer {
        case .failed(.outcomeUnknown): return intent.key != nil
        case .failed, .inProgress: return true
        case .executed(let revision, let position, _):
            seenVersions[intent.stream] = revision.version
            if world.onceIn(3) { readBack(position) }
            return false
        case .conditionFailed(let actual, _):
            seenVersions[intent.stream] = actual
            return false
        case .refused, .replayedRefusal, .beyondReach, .keyReused, .fault: return false
        }
    }

    private func attempt(_ intent: Intent, _ done: @escaping (Answer<State>) -> Void) {
        send([order(intent, place: nil)]) { _, answer in done(answer) }
    }

    /// Sends many at once; those without an answer for good are repeated, one by one, when all are answered.
    private func sendSequence() {
        let intents = (0..<world.between(2...circumstances.maxSequence)).map { _ in newIntent() }
        let number = referee.nextAttempt()
        let orders = intents.enumerated().map { order($1, place: Order.Place(sequence: number, index: $0)) }
        var left = orders.count
        var failed: [Int] = []
        send(orders) { [unowned self] index, answer in
            left -= 1
            if mustRepeat(intents[index], after: answer) { failed.append(index) }
            guard left == 0 else { return }
            referee.ended(orders)
            pursue(failed.sorted().map { intents[$0] })
        }
    }

    private func order(_ intent: Intent, place: Order<State>.Place?) -> Order<State> {
        Order(
            attempt: referee.nextAttempt(), stream: intent.stream, command: intent.command,
            condition: intent.condition, key: intent.key, sender: sender, place: place)
    }

    private func send(_ orders: [Order<State>], _ done: @escaping (Int, Answer<State>) -> Void) {
        attemptsUnderWay += orders.count
        for order in orders { referee.sent(order) }
        cast.send(orders, throughGateway: world.between(0...circumstances.gateways - 1)) {
            [unowned self] index, answer in
            attemptsUnderWay -= 1
            referee.answered(orders[index], answer)
            done(index, answer)
        }
    }

    /// Reads after the write, through any gateway.
    private func readBack(_ position: UInt64) {
        cast.query(
            throughGateway: world.between(0...circumstances.gateways - 1), atLeast: position,
            within: world.between(0...Microseconds.milliseconds(100)))
    }
}

internal import EventLogProtocol
internal import EventSourcing

/// Somebody who sends orders, one after another, and repeats those that were not answered for good. Now and then it is
/// impatient and repeats an order while the first is still being obeyed, or reads what it has written.
final class Client {
    private struct Intent {
        let stream: StreamID
        let by: Int
        let parts: Int
        let condition: UInt64?
        let key: Order.Key?
    }

    private let name: String
    private let world: World
    private let circumstances: Circumstances
    private let referee: Referee
    private unowned let cast: Cast
    private var ordersLeft: Int
    private var keysUsed = 0
    private var seenVersions: [StreamID: UInt64] = [:]
    private var attemptsUnderWay = 0
    private var isResting = true

    init(_ name: String, _ world: World, _ circumstances: Circumstances, _ referee: Referee, among cast: Cast) {
        self.name = name
        self.world = world
        self.circumstances = circumstances
        self.referee = referee
        self.cast = cast
        ordersLeft = circumstances.ordersPerClient
        rest()
    }

    var isDone: Bool { ordersLeft == 0 && attemptsUnderWay == 0 && isResting }

    var state: String { "\(name): \(ordersLeft) orders left, \(attemptsUnderWay) attempts under way" }

    private func rest() {
        isResting = true
        guard ordersLeft > 0 else { return }
        world.after(circumstances.rest) { [unowned self] in
            ordersLeft -= 1
            isResting = false
            let intent = newIntent()
            pursue(intent)
            if intent.key != nil, world.onceIn(4) {
                // It does not wait for the first answer, and takes that of the second for nothing but one more.
                world.after(0 ... .milliseconds(5)) { [unowned self] in attempt(intent) { _ in } }
            }
        }
    }

    private func newIntent() -> Intent {
        let stream = world.oneOf(cast.streams)
        let by = world.oneOf([0, 1, 3, 5, 10, -1, -4, -7, -12])
        let parts = world.oneOf([1, 1, 2])
        var condition: UInt64?
        if world.onceIn(4) {
            let seen = seenVersions[stream] ?? 0
            condition = world.onceIn(3) ? seen + world.between(0...2) : seen
        }
        var key: Order.Key?
        if world.onceIn(2) {
            // Now and then one that was used before, by whomever.
            if keysUsed == 0 || !world.onceIn(8) { keysUsed += 1 }
            key = Order.Key(
                bytes: Array("\(name)-\(keysUsed)".utf8),
                fingerprint: Digest256(UInt64(bitPattern: Int64(by)), UInt64(parts), 0, 0))
        }
        return Intent(stream: stream, by: by, parts: parts, condition: condition, key: key)
    }

    /// Sends the order until it is answered for good; without a key it must not be repeated where the outcome is not
    /// known.
    private func pursue(_ intent: Intent) {
        attempt(intent) { [unowned self] answer in
            switch answer {
            case .failed(.outcomeUnknown) where intent.key == nil:
                rest()
            case .failed, .inProgress:
                world.after(.milliseconds(1) ... .milliseconds(200)) { [unowned self] in pursue(intent) }
            case .obeyed(let revision, let position, _):
                seenVersions[intent.stream] = revision.version
                if world.onceIn(3) { readBack(position) }
                rest()
            case .conditionFailed(let actual):
                seenVersions[intent.stream] = actual
                rest()
            case .refused, .keyReused, .fault:
                rest()
            }
        }
    }

    private func attempt(_ intent: Intent, _ done: @escaping (Answer) -> Void) {
        let order = Order(
            stream: intent.stream,
            command: Counter.Command(by: intent.by, parts: intent.parts, attempt: referee.nextAttempt()),
            condition: intent.condition, key: intent.key)
        attemptsUnderWay += 1
        referee.sent(order)
        cast.send(order, throughGateway: world.between(0...circumstances.gateways - 1)) { [unowned self] answer in
            attemptsUnderWay -= 1
            referee.answered(order, answer)
            done(answer)
        }
    }

    /// Reads after the write, through any gateway.
    private func readBack(_ position: UInt64?) {
        cast.query(
            throughGateway: world.between(0...circumstances.gateways - 1), atLeast: position ?? 0,
            within: world.between(0...Microseconds.milliseconds(100)))
    }
}

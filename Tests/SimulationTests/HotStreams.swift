internal import Accounts
internal import CommandService
internal import EventSourcing

/// Two hot accounts that send to each other through two gateways, in opposite directions, each with many commands in
/// progress all the time, and nothing but that: no faults, no other commands.
final class HotStreams {
    struct Outcome {
        let violation: Violation?
        /// How many commands each gateway has executed.
        let executed: [Int]
        /// How many ended otherwise.
        let others: Int
        /// How often commands were decided: all together, and the one that was decided most often.
        let decisions: Int
        let maxDecisions: Int
    }

    private let world: World
    private let cast: Cast<SimulatedAccounts>
    private let depth: Int
    private var left: [Int]
    private var executed = [0, 0]
    private var others = 0

    /// - Parameters:
    ///   - depth: how many commands each gateway has in progress.
    ///   - commands: how many it gets in all.
    static func run(seed: UInt64, depth: Int, commands: Int) -> Outcome {
        let world = World(seed: seed)
        defer { world.end() }
        return HotStreams(world, depth, commands).outcome()
    }

    private init(_ world: World, _ depth: Int, _ commands: Int) {
        self.world = world
        self.depth = depth
        var circumstances = Circumstances(world)
        (circumstances.gateways, circumstances.streams, circumstances.clients) = (2, 2, 1)
        circumstances.ordersPerClient = 0
        circumstances.delays = 20...200
        circumstances.flushes = 200...2000
        circumstances.batchLimit = 1024
        circumstances.sendQueue = 1000
        circumstances.timeout = .seconds(5)
        circumstances.limits = CommandLimits(cachedAggregates: 100)
        cast = Cast(world, circumstances)
        left = [commands, commands]
    }

    private func outcome() -> Outcome {
        let all = left.reduce(0, +)
        for gateway in 0...1 {
            let opening = AccountCommand.open(
                owner: "somebody", initialBalance: SimulatedAccounts.number(10_000), currency: .usd)
            send(opening, throughGateway: gateway) { [unowned self] _ in
                for _ in 0..<depth { sendNext(throughGateway: gateway) }
            }
        }
        while world.violation == nil, executed[0] + executed[1] + others < all, world.step() {}
        let decisions = cast.referee.attempts.values.map(\.sent.count)
        return Outcome(
            violation: world.violation, executed: executed, others: others, decisions: decisions.reduce(0, +),
            maxDecisions: decisions.max() ?? 0)
    }

    /// Sends a transfer to the other account, and the next one when it is answered.
    private func sendNext(throughGateway gateway: Int) {
        guard left[gateway] > 0 else { return }
        left[gateway] -= 1
        let transfer = AccountCommand.transfer(to: cast.streams[1 - gateway], amount: SimulatedAccounts.number(1))
        send(transfer, throughGateway: gateway) { [unowned self] answer in
            if case .executed = answer { executed[gateway] += 1 } else { others += 1 }
            sendNext(throughGateway: gateway)
        }
    }

    private func send(
        _ command: AccountCommand, throughGateway gateway: Int, _ done: @escaping (Answer<Account>) -> Void
    ) {
        let order = Order<Account>(
            attempt: cast.referee.nextAttempt(), stream: cast.streams[gateway], command: command, condition: nil,
            key: nil, sender: nil, place: nil)
        cast.referee.sent(order)
        cast.send([order], throughGateway: gateway) { [cast] _, answer in
            cast.referee.answered(order, answer)
            done(answer)
        }
    }
}

internal import Access
internal import CommandService
internal import EventLogProtocol
internal import EventSourcing

/// All who take part in a simulation.
final class Cast<Domain: SimulatedDomain> {
    typealias State = Domain.State

    private let world: World
    private let circumstances: Circumstances
    let referee: Referee<Domain>
    let log: SimulatedLog
    let streams: [StreamID]
    private(set) var gateways: [Gateway<Domain>]
    let subscribers: [Subscriber<Domain>]
    private(set) var clients: [Client<Domain>] = []
    /// What waits for an answer of each gateway; when it crashes, its clients learn that nobody answers any more.
    private var waiting: [[Int: (Answer<State>) -> Void]]

    init(_ world: World, _ circumstances: Circumstances) {
        self.world = world
        self.circumstances = circumstances
        let referee = Referee<Domain>(world)
        let log = SimulatedLog(world, circumstances) { referee.recorded($0) }
        self.referee = referee
        self.log = log
        streams = (1...min(circumstances.streams, Domain.maxStreams)).compactMap {
            StreamID(category: State.category, name: "\(State.category.prefix(1))\($0)")
        }
        gateways = (1...circumstances.gateways).map { Gateway("gateway \($0)", world, circumstances, on: log, referee) }
        subscribers = (1...circumstances.subscribers).map {
            Subscriber("subscriber \($0)", world, circumstances, on: log, referee)
        }
        waiting = Array(repeating: [:], count: circumstances.gateways)
        clients = (1...circumstances.clients).map {
            Client("client \($0)", as: sender(circumstances), world, circumstances, referee, among: self)
        }
    }

    /// Who a client is to the gateways. Several may have one name, and see different things.
    private func sender(_ circumstances: Circumstances) -> CommandSender? {
        guard circumstances.sendersAreKnown else { return nil }
        return CommandSender(
            actor: world.oneOf([nil, "ann", "bob"]),
            reach: world.oneOf([.all, .prefix(String(State.category.prefix(1))), .one(world.oneOf(streams).name)]))
    }

    /// Sends orders to a gateway, all at once. Answers are lost only with the gateway, and then that is noticed.
    func send(
        _ orders: [Order<State>], throughGateway index: Int, _ answered: @escaping (Int, Answer<State>) -> Void
    ) {
        for (place, order) in orders.enumerated() { waiting[index][order.attempt] = { answered(place, $0) } }
        world.after(20...300) { [unowned self] in
            guard let first = orders.first, waiting[index][first.attempt] != nil else { return }
            for order in orders { world.trace("\(gateways[index].name): \(order)") }
            gateways[index].execute(orders) { [unowned self] place, given in
                world.after(20...300) { [unowned self] in
                    guard let answer = waiting[index].removeValue(forKey: orders[place].attempt) else { return }
                    gateways[index].noteShown(given)
                    answer(given)
                }
            }
        }
    }

    /// Sends a query through a gateway, which forwards it to a subscriber: the answer shows all that the gateway has
    /// told of, and the position that the client asks for.
    func query(throughGateway index: Int, atLeast position: UInt64, within wait: Microseconds) {
        let demanded = max(position, gateways[index].horizon)
        let shown = gateways[index].shown
        world.oneOf(subscribers).query(atLeast: demanded, within: wait) { [referee] totals in
            if let totals { referee.queried(totals, atLeast: position, showing: shown) }
        }
    }

    func crashGateway(_ index: Int) {
        world.trace("\(gateways[index].name): crash and start")
        gateways[index].crash()
        gateways[index] = Gateway(gateways[index].name, world, circumstances, on: log, referee)
        let lost = waiting[index].sorted { $0.key < $1.key }
        waiting[index] = [:]
        for (_, answer) in lost { world.after(0...300) { answer(.failed(.outcomeUnknown)) } }
    }

    /// Whether all that was begun has come to its end.
    var isSettled: Bool {
        clients.allSatisfy(\.isDone) && gateways.allSatisfy(\.isIdle) && subscribers.allSatisfy(\.isSettled)
    }

    var state: String {
        (clients.filter { !$0.isDone }.map(\.state) + gateways.filter { !$0.isIdle }.map { "\($0.name) is busy" }
            + subscribers.filter { !$0.isSettled }.map(\.state)).joined(separator: "; ")
    }
}

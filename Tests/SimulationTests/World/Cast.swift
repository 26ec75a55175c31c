internal import EventLogProtocol
internal import EventSourcing

/// All who take part in a simulation.
final class Cast {
    private let world: World
    private let circumstances: Circumstances
    let referee: Referee
    let log: SimulatedLog
    let streams: [StreamID]
    private(set) var gateways: [Gateway]
    let subscribers: [Subscriber]
    private(set) var clients: [Client] = []
    /// What waits for an answer of each gateway; where it crashes, its clients learn that nobody answers any more.
    private var waiting: [[Int: (Answer) -> Void]]

    init(_ world: World, _ circumstances: Circumstances) {
        self.world = world
        self.circumstances = circumstances
        let referee = Referee(world)
        let log = SimulatedLog(world, circumstances, referee)
        self.referee = referee
        self.log = log
        streams = (1...circumstances.streams).compactMap { StreamID(category: Counter.category, name: "c\($0)") }
        gateways = (1...circumstances.gateways).map { Gateway("gateway \($0)", world, circumstances, on: log) }
        subscribers = (1...circumstances.subscribers).map {
            Subscriber("subscriber \($0)", world, circumstances, on: log, referee)
        }
        waiting = Array(repeating: [:], count: circumstances.gateways)
        clients = (1...circumstances.clients).map {
            Client("client \($0)", world, circumstances, referee, among: self)
        }
    }

    /// Sends an order to a gateway. Answers are lost only with the gateway, and then that is noticed.
    func send(_ order: Order, throughGateway index: Int, _ answer: @escaping (Answer) -> Void) {
        waiting[index][order.attempt] = answer
        world.after(20...300) { [unowned self] in
            guard waiting[index][order.attempt] != nil else { return }
            world.trace("\(gateways[index].name): \(order)")
            gateways[index].obey(order) { [unowned self] given in
                world.after(20...300) { [unowned self] in
                    guard let answer = waiting[index].removeValue(forKey: order.attempt) else { return }
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
        gateways[index] = Gateway(gateways[index].name, world, circumstances, on: log)
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

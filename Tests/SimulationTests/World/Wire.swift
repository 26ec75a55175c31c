/// One direction of a connection: messages arrive in order, each after a while; those that are in flight when the
/// connection is lost are lost with it. None comes twice.
final class Wire<Message> {
    private let world: World
    private let delays: ClosedRange<Microseconds>
    private let receive: (Message) -> Void
    private var lastArrival: Microseconds = 0
    private var isCut = false

    /// How many messages have been sent and have not arrived.
    private(set) var inFlight = 0

    init(_ world: World, delays: ClosedRange<Microseconds>, _ receive: @escaping (Message) -> Void) {
        self.world = world
        self.delays = delays
        self.receive = receive
    }

    func send(_ message: Message) {
        guard !isCut else { return }
        lastArrival = max(lastArrival, world.now + world.between(delays))
        inFlight += 1
        world.after(lastArrival - world.now) { [self] in
            guard !isCut else { return }
            inFlight -= 1
            receive(message)
        }
    }

    /// Lets nothing that is sent from now on arrive for a while.
    func stall(for pause: Microseconds) { lastArrival = max(lastArrival, world.now + pause) }

    func cut() { isCut = true }
}

internal import EventLogProtocol
internal import EventSourcing
internal import ZeroMQ

/// A dealer's side of the requests to the log, as `RequestChannel` is it, over a simulated connection: the table of what
/// waits is the real one.
final class LogChannel {
    typealias Completion = (Result<LogReply, EventLogError>) -> Void

    /// The deadlines are looked at not more often than this.
    private static let expiryInterval = Microseconds.milliseconds(20)

    /// A request that waits for its end, of which there is one.
    private final class Request {
        private let world: World
        private let due: Microseconds
        private var completion: Completion?

        init(_ world: World, due: Microseconds, _ completion: @escaping Completion) {
            self.world = world
            self.due = due
            self.completion = completion
        }

        func end(_ result: Result<LogReply, EventLogError>) {
            guard let completion else { return world.violated(.endsOnce, "a request that has ended ends as \(result)") }
            world.expect(world.now <= due + expiryInterval, .endsOnce, "a request due at \(due) ends as \(result)")
            self.completion = nil
            completion(result)
        }
    }

    private let world: World
    private let circumstances: Circumstances
    private let log: SimulatedLog
    private var pending: PendingRequests<Request>
    private var outbox: [NumberedRequest] = []
    private var connection: Connection?
    private var isExpiryScheduled = false
    private var isClosed = false

    init(_ world: World, _ circumstances: Circumstances, to log: SimulatedLog) {
        self.world = world
        self.circumstances = circumstances
        self.log = log
        pending = PendingRequests(limit: 1000)
        connect()
    }

    var waitingRequests: Int { pending.count }

    func send(_ request: LogRequest, _ completion: @escaping Completion) {
        let due = world.instant + .microseconds(circumstances.timeout)
        let waiter = Request(world, due: world.now + circumstances.timeout, completion)
        guard let number = pending.add(waiter, until: due) else {
            completion(.failure(EventLogError(.overloaded, "too many requests wait")))
            return
        }
        outbox.append(NumberedRequest(number: number, request: request))
        if outbox.count == 1 { world.after(0) { [weak self] in self?.flush() } }
        scheduleExpiry()
    }

    /// Forgets whoever waits: its process is no more.
    func abandon() {
        isClosed = true
        _ = pending.removeAll()
        connection?.lose()
        connection = nil
    }

    /// Loses the connection.
    func cut() { connection?.lose() }

    private func flush() {
        guard !isClosed else { return }
        var rest = outbox[...]
        outbox = []
        while !rest.isEmpty {
            let message = Array(rest.prefix(circumstances.framesOfAMessage))
            rest = rest.dropFirst(message.count)
            let failure: EventLogError
            if let connection {
                guard connection.requests.inFlight >= circumstances.sendQueue else {
                    connection.requests.send(message)
                    continue
                }
                failure = EventLogError(.overloaded, "the queue is full")
            } else {
                failure = EventLogError(.unavailable, "nobody answers")
            }
            for request in message { pending.withdraw(request.number)?.end(.failure(failure)) }
        }
    }

    // MARK: the connection

    private func connect() {
        guard !isClosed else { return }
        guard log.isReachable else {
            world.after(.milliseconds(5) ... .milliseconds(100)) { [weak self] in self?.connect() }
            return
        }
        connection = log.connect(
            { [weak self] reply in self?.accept(reply) }, whenLost: { [weak self] in self?.connectionLost() })
    }

    /// The loss is noticed after a while; what is sent meanwhile goes nowhere.
    private func connectionLost() {
        world.after(world.oneOf([0...100, 0...50_000])) { [weak self] in
            guard let self, !isClosed else { return }
            connection = nil
            for request in pending.removeAll() {
                request.end(.failure(EventLogError(.outcomeUnknown, "the connection was lost")))
            }
            world.after(.milliseconds(5) ... .milliseconds(50)) { [weak self] in self?.connect() }
        }
    }

    private func accept(_ reply: NumberedReply) {
        guard let request = pending.answer(reply.number) else { return world.saw(.lateReply) }
        request.end(.success(reply.reply))
    }

    // MARK: deadlines

    private func scheduleExpiry() {
        guard !isExpiryScheduled, let next = pending.nextDeadline else { return }
        isExpiryScheduled = true
        let pause = (next - world.instant).components
        let microseconds = pause.seconds * 1_000_000 + pause.attoseconds / 1_000_000_000_000
        world.after(max(microseconds, Self.expiryInterval)) { [weak self] in self?.expire() }
    }

    private func expire() {
        guard !isClosed else { return }
        isExpiryScheduled = false
        for request in pending.expire(at: world.instant) {
            request.end(.failure(EventLogError(.outcomeUnknown, "no reply in time")))
        }
        scheduleExpiry()
    }
}

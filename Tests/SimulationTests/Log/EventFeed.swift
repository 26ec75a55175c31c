internal import EventSourcing

/// What the log publishes.
enum Published {
    case event(RecordedEvent)
    case heartbeat(LogHead)
}

/// One subscriber's connection to the publisher. Where too much is on the way, the publisher drops what comes next, and
/// goes on only when half of it has arrived: so messages are lost in runs, as ZeroMQ loses them at its high-water mark.
final class EventFeed {
    private let wire: Wire<Published>
    private let limit: Int
    private let whenLost: () -> Void
    private var isDropping = false
    private(set) var isLost = false

    init(_ wire: Wire<Published>, limit: Int, whenLost: @escaping () -> Void) {
        self.wire = wire
        self.limit = limit
        self.whenLost = whenLost
    }

    func publish(_ message: Published) {
        if wire.inFlight >= limit { isDropping = true }
        if wire.inFlight <= limit / 2 { isDropping = false }
        if !isDropping { wire.send(message) }
    }

    func stall(for pause: Microseconds) { wire.stall(for: pause) }

    func lose() {
        guard !isLost else { return }
        isLost = true
        wire.cut()
        whenLost()
    }
}

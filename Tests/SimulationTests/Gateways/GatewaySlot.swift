internal import CommandService
internal import EventSourcing

/// One aggregate's place in a gateway, as `AggregateCache.Slot` is it.
final class GatewaySlot {
    typealias Pipeline = AggregatePipeline<Counter>

    let stream: StreamID
    /// nil until the log told of it.
    var pipeline: Pipeline?
    /// Whether what the pipeline holds is of no use, and must be loaded anew.
    var isOutdated = false
    var isLoading = false
    var runningKeys: [[UInt8]: Digest256] = [:]
    /// The newest append that was ever decided on here.
    var lastTicket: Pipeline.Ticket?
    private var loadWaiters: [() -> Void] = []
    private var ticketWaiters: [(ticket: Pipeline.Ticket, resume: (Bool) -> Void)] = []

    init(_ stream: StreamID) { self.stream = stream }

    var needsLoad: Bool { pipeline == nil || isOutdated }

    /// Whether nothing is under way and nobody waits.
    var isIdle: Bool {
        (pipeline?.isIdle ?? true) && !isLoading && runningKeys.isEmpty && loadWaiters.isEmpty && ticketWaiters.isEmpty
    }

    func waitForLoad(_ resume: @escaping () -> Void) { loadWaiters.append(resume) }

    func wakeLoadWaiters() {
        let woken = loadWaiters
        loadWaiters = []
        for resume in woken { resume() }
    }

    func wait(for ticket: Pipeline.Ticket, _ resume: @escaping (Bool) -> Void) {
        ticketWaiters.append((ticket, resume))
    }

    /// Forgets whoever waits: its process is no more.
    func abandon() {
        loadWaiters = []
        ticketWaiters = []
    }

    /// Tells those who wait for a ticket how it ended: to be called after every end of an append, with its ticket
    /// where it was committed. Whatever else is no longer under way was given up.
    func wakeTicketWaiters(committed: Pipeline.Ticket?) {
        let asked = ticketWaiters
        ticketWaiters = []
        for waiter in asked {
            if waiter.ticket == committed {
                waiter.resume(true)
            } else if pipeline?.isPending(waiter.ticket) ?? false {
                ticketWaiters.append(waiter)
            } else {
                waiter.resume(false)
            }
        }
    }
}

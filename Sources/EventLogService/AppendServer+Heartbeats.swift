internal import EventSourcing
internal import Logging
internal import ZeroMQ

extension AppendServer {
    private static let heartbeatInterval = Duration.milliseconds(500)

    /// Sends a heartbeat if there are new subscribers, so that they know at once that their subscription works, and the
    /// log's head.
    func greetSubscribers() {
        guard let events, !isClosed else { return }
        do {
            if try events.takeSubscriptions() { sendHeartbeat() }
        } catch {
            socketFailed(error)
        }
    }

    func beat() {
        guard let events, !isClosed else { return }
        events.tidy()
        handshakes.look(at: context.forgottenHandshakes)
        leases.look(isCertain: appender.validLease != nil, delay: appender.delay)
        sendHeartbeat()
        do {
            usage.look(at: try store.usage())
        } catch {
            end(by: error)
        }
        loop.schedule(after: Self.heartbeatInterval) { [weak self] in self?.assumeIsolated { $0.beat() } }
    }

    /// Only under a lease: it says that nothing newer exists.
    private func sendHeartbeat() {
        guard let events, let lease = appender.validLease else { return }
        do {
            try events.sendHeartbeat(at: head, epoch: lease.epoch)
        } catch {
            end(by: error)
        }
    }
}

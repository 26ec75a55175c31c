internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import ServiceSupport

/// Sends requests without bodies to one address over connections that are kept alive, and gives the answers.
///
/// Each event loop has connections of its own, so that none needs a lock.
final class UpstreamClient: Sendable {
    private let pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPool>]
    private let group: MultiThreadedEventLoopGroup
    /// How long a request may wait for a connection.
    private let connectionPatience: TimeAmount

    init(
        _ address: HTTPAddress, connectionPatience: TimeAmount = .seconds(1),
        group: MultiThreadedEventLoopGroup = .singleton
    ) {
        self.group = group
        self.connectionPatience = connectionPatience
        var pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPool>] = [:]
        for eventLoop in group.makeIterator() {
            pools[ObjectIdentifier(eventLoop)] = .makeBoxSendingValue(
                UpstreamPool(address, on: eventLoop), eventLoop: eventLoop)
        }
        self.pools = pools
    }

    /// The answer to a request; it is cancelled with the task that waits for it.
    ///
    /// - Parameters:
    ///   - isFeed: whether the answer may go on for ever.
    ///   - patience: how long the answer may take; only its head, where it is streamed.
    /// - Throws: ``UpstreamError``, or `CancellationError`.
    func answer(to head: HTTPRequestHead, isFeed: Bool, patience: TimeAmount) async throws -> UpstreamAnswer {
        let (eventLoop, pool) = place()
        let now = NIODeadline.now()
        let exchange = UpstreamExchange(
            head, isFeed: isFeed, deadline: now + patience, connectionDeadline: now + min(patience, connectionPatience),
            on: eventLoop)
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                eventLoop.execute {
                    if exchange.begin(continuation) { pool.value.start(exchange) }
                }
            }
        } onCancel: {
            eventLoop.execute { exchange.cancel() }
        }
    }

    /// Ends all connections; what is under way fails, and so does everything from now on.
    func close() async throws {
        for pool in pools.values {
            try await pool.eventLoop.submit { pool.value.close() }.get()
        }
    }

    /// One of the event loops, and its connections.
    private func place() -> (any EventLoop, NIOLoopBoundBox<UpstreamPool>) {
        let any = group.any()
        guard let pool = pools[ObjectIdentifier(any)] else {
            preconditionFailure("an event loop of the group has no pool")
        }
        return (any, pool)
    }
}

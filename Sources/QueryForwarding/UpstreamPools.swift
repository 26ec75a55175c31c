internal import NIOCore
package import NIOPosix
package import ServiceSupport

/// The connections of all event loops with one address. Each loop has its own, so that none needs a lock.
package final class UpstreamPools: Sendable {
    private let pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPool>]

    /// - Parameter tls: what it speaks TLS with; nil: it does not.
    package init(_ address: HTTPAddress, tls: ReloadedTLS? = nil, group: MultiThreadedEventLoopGroup = .singleton) {
        let loops = Array(group.makeIterator())
        // The others are for feeds.
        let share = DescriptorLimit.upstream(of: DescriptorLimit.current) / 2 / max(1, loops.count)
        let limit = min(UpstreamPool.mostConnections, max(2, share))
        var pools: [ObjectIdentifier: NIOLoopBoundBox<UpstreamPool>] = [:]
        for eventLoop in loops {
            pools[ObjectIdentifier(eventLoop)] = .makeBoxSendingValue(
                UpstreamPool(address, limit: limit, tls: tls, on: eventLoop), eventLoop: eventLoop)
        }
        self.pools = pools
    }

    /// The connections of an event loop of the group, on which this is called.
    func pool(of eventLoop: any EventLoop) -> UpstreamPool {
        guard let pool = pools[ObjectIdentifier(eventLoop)] else {
            preconditionFailure("an event loop that is none of the group's has no pool")
        }
        return pool.value
    }

    /// Ends the feeds that are under way; later ones fail.
    func endFeeds() {
        for pool in pools.values { pool.eventLoop.execute { pool.value.endFeeds() } }
    }

    /// Ends all connections; what is under way fails, and so does everything from now on.
    package func close() async throws {
        for pool in pools.values {
            try await pool.eventLoop.submit { pool.value.close() }.get()
        }
    }
}

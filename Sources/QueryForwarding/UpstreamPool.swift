internal import DequeModule
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
internal import ServiceSupport

/// The connections of one event loop with one address, and the exchanges that wait for one.
///
/// Used on its event loop only, so a request that came in there is forwarded and answered without changing threads.
final class UpstreamPool {
    /// So many connections at most, beside those of feeds.
    static let mostConnections = 64
    private static let longestConnecting = TimeAmount.seconds(1)
    private static let pauseAfterFailure = TimeAmount.milliseconds(100)
    /// One timer looks after all deadlines: one for each exchange would cost more than it does.
    private static let sweepInterval = TimeAmount.milliseconds(50)
    /// A wait for a position ends so soon after the position is known.
    private static let waitInterval = TimeAmount.milliseconds(10)

    private let eventLoop: any EventLoop
    private let address: HTTPAddress
    private let tls: ReloadedTLS?
    /// All that are open.
    private var connections: [UpstreamConnection] = []
    /// Those that rest; the last was used last.
    private var idle: [UpstreamConnection] = []
    /// What is open or being opened, without feeds.
    private var counted = 0
    private var connecting = 0
    private var waiting: Deque<UpstreamExchange> = []
    /// Those that wait for a position before they need a connection.
    private var parked: [UpstreamExchange] = []
    private let limit: Int
    private var lastFailure: (any Error)?
    private var isPausing = false
    private var isSweeping = false
    private var hasEndedFeeds = false
    private var isClosed = false

    /// - Parameter tls: what it speaks TLS with; nil: it does not.
    init(
        _ address: HTTPAddress, limit: Int = mostConnections, tls: ReloadedTLS? = nil, on eventLoop: any EventLoop
    ) {
        self.tls = tls
        self.address = address
        self.limit = limit
        self.eventLoop = eventLoop
    }

    func start(_ exchange: UpstreamExchange) {
        guard !isClosed, !isRefused(exchange) else { return exchange.fail(.closed) }
        if exchange.isParked {
            parked.append(exchange)
            return sweepLater()
        }
        if let connection = idle.popLast() {
            connection.send(exchange)
        } else {
            waiting.append(exchange)
            connectForWaiting()
        }
        sweepLater()
    }

    /// Sends a request again, and on a new connection: those that rest may have been closed just as the one that it was on.
    func sendAnew(_ exchange: UpstreamExchange) {
        guard !isClosed else { return exchange.fail(.closed) }
        connect(for: exchange)
    }

    /// Ends the feeds.
    func endFeeds() {
        hasEndedFeeds = true
        for exchange in parked + waiting + connections.compactMap(\.exchange) { exchange.endFeed() }
    }

    /// Ends all connections, and with them what is under way.
    func close() {
        isClosed = true
        let unsent = parked + waiting
        (parked, waiting) = ([], [])
        for exchange in unsent { exchange.fail(.closed) }
        for connection in connections { connection.close() }
    }

    /// Whether it would be a feed, of which there are to be no more.
    private func isRefused(_ exchange: UpstreamExchange?) -> Bool { hasEndedFeeds && exchange?.mayBeFeed == true }

    // MARK: what connections tell

    /// A connection has nothing to do.
    func serve(with connection: UpstreamConnection) {
        while let exchange = waiting.popFirst() {
            if !exchange.isOver { return connection.send(exchange) }
        }
        connection.rest()
        idle.append(connection)
    }

    /// A connection is a feed's for the rest of its life, and another may take its place.
    func release(counted connection: UpstreamConnection) {
        guard connection.isCounted else { return }
        connection.isCounted = false
        counted -= 1
        connectForWaiting()
    }

    /// A connection has ended.
    func forget(_ connection: UpstreamConnection) {
        connections.removeAll { $0 === connection }
        idle.removeAll { $0 === connection }
        release(counted: connection)
    }

    // MARK: connecting

    private func connectForWaiting() {
        while !isPausing, !isClosed, connecting < waiting.count, counted < limit {
            connect(for: nil)
        }
    }

    /// - Parameter first: what the connection is for, before anything that waits.
    private func connect(for first: UpstreamExchange?) {
        connecting += 1
        counted += 1
        let (tls, host) = (tls, address.host)
        let bootstrap = ClientBootstrap(group: eventLoop)
            .connectTimeout(Self.longestConnecting)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls {
                        try channel.pipeline.syncOperations.addHandlers(
                            UpstreamHandshake.handlers(tls, with: host, on: channel.eventLoop))
                    }
                    try channel.pipeline.syncOperations.addHandlers([
                        HTTPRequestEncoder(), ByteToMessageHandler(HTTPResponseDecoder()),
                    ])
                }
            }
        bootstrap.connect(host: host, port: address.port)
            .flatMap { channel in
                tls == nil
                    ? channel.eventLoop.makeSucceededFuture(channel)
                    : UpstreamHandshake.end(on: channel).map { channel }
            }
            .assumeIsolated()
            .whenComplete { result in
                self.connecting -= 1
                do {
                    let channel = try result.get()
                    let connection = UpstreamConnection(of: self)
                    try channel.pipeline.syncOperations.addHandler(connection)
                    self.opened(connection, for: first)
                } catch {
                    self.failed(error, for: first)
                }
            }
    }

    private func opened(_ connection: UpstreamConnection, for first: UpstreamExchange?) {
        lastFailure = nil
        connections.append(connection)
        if isClosed || isRefused(first) {
            first?.fail(.closed)
            connection.close()
        } else if let first, !first.isOver {
            connection.send(first)
        } else {
            serve(with: connection)
        }
    }

    private func failed(_ error: any Error, for first: UpstreamExchange?) {
        counted -= 1
        lastFailure = error
        guard !isClosed, !isRefused(first) else { return first?.fail(.closed) ?? () }
        if let first { waiting.prepend(first) }
        guard !isPausing else { return }
        isPausing = true
        eventLoop.assumeIsolated().scheduleTask(in: Self.pauseAfterFailure) {
            self.isPausing = false
            self.connectForWaiting()
        }
    }

    // MARK: deadlines

    private func sweepLater() {
        guard !isSweeping else { return }
        isSweeping = true
        eventLoop.assumeIsolated().scheduleTask(in: parked.isEmpty ? Self.sweepInterval : Self.waitInterval) {
            self.isSweeping = false
            if self.sweep(.now()) { self.sweepLater() }
        }
    }

    /// Ends what has waited too long; false where nothing is under way.
    private func sweep(_ now: NIODeadline) -> Bool {
        let ready = parked.filter { $0.mayLeavePark(now) }
        if !ready.isEmpty { parked.removeAll { $0.mayLeavePark(now) } }
        for exchange in ready where !exchange.isOver {
            exchange.leavePark(now)
            if !exchange.isOver { start(exchange) }
        }
        let late = waiting.filter { !$0.isOver && $0.connectionDeadline <= now }
        waiting.removeAll { $0.isOver || $0.connectionDeadline <= now }
        // Afterwards: whoever is told may ask again at once.
        for exchange in late { exchange.fail(.noConnection(last: lastFailure)) }
        let underWay = connections.compactMap(\.exchange)
        for exchange in underWay {
            if let deadline = exchange.deadline, deadline <= now { exchange.expire() }
        }
        return !underWay.isEmpty || !parked.isEmpty || !waiting.isEmpty || connecting > 0
    }
}

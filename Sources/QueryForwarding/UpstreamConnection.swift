internal import NIOCore
internal import NIOHTTP1

/// One kept-alive connection of a pool: the last handler of its channel. It serves one exchange at a time.
final class UpstreamConnection: ChannelDuplexHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    private let pool: UpstreamPool
    private var context: ChannelHandlerContext?
    private(set) var exchange: UpstreamExchange?
    /// Whether it counts among those of which there are only so many.
    var isCounted = true
    /// Whether it has served or rested before: only then may the other side have closed it for having rested too long.
    private var hasRested = false
    private var isKeptAlive = false
    private var failure: (any Error)?
    private var isPaused = false
    private var mustRead = false

    init(of pool: UpstreamPool) { self.pool = pool }

    // MARK: what the pool and the exchange want

    func send(_ exchange: UpstreamExchange) {
        guard let context else { return exchange.fail(.brokenOff(nil)) }
        self.exchange = exchange
        exchange.connection = self
        context.write(wrapOutboundOut(.head(exchange.head)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    /// It has nothing to do.
    func rest() { hasRested = true }

    func close() { context?.close(promise: nil) }

    /// Reads again, where reading rested for a client that is slower.
    func goOnReading() {
        guard isPaused else { return }
        isPaused = false
        guard mustRead else { return }
        mustRead = false
        context?.read()
    }

    // MARK: what the channel tells

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func read(context: ChannelHandlerContext) {
        if isPaused { mustRead = true } else { context.read() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // Nothing was asked, so what comes is no answer.
        guard let exchange else { return context.close(promise: nil) }
        switch unwrapInboundIn(data) {
        case .head(let head):
            isKeptAlive = head.isKeepAlive
            exchange.take(head)
            if exchange.isFeed { pool.release(counted: self) }
        case .body(let part):
            if !exchange.take(part) { isPaused = true }
        case .end:
            self.exchange = nil
            hasRested = true
            goOnReading()
            // First of all: the client's next query may be waiting for this answer.
            if isKeptAlive, isCounted { pool.serve(with: self) } else { context.close(promise: nil) }
            exchange.finish()
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        if exchange?.takeBreath() == false { isPaused = true }
        context.fireChannelReadComplete()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        failure = error
        context.close(promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) {
        pool.forget(self)
        guard let exchange else { return }
        self.exchange = nil
        exchange.connection = nil
        if hasRested, exchange.isUnanswered {
            // It was closed while it rested, and the request crossed that on its way.
            pool.sendAnew(exchange)
        } else {
            exchange.fail(.brokenOff(failure))
        }
    }
}

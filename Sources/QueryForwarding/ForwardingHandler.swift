internal import Access
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes
internal import ServiceSupport

/// Forwards the queries of one connection, and passes everything else on to the server behind it.
///
/// A query is asked and answered on the connection's own event loop, without a task: four changes of threads less than
/// through the server. One request at a time comes here, as NIO's `HTTPServerPipelineHandler` in front has it.
final class ForwardingHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// What the server behind may close the connection for.
    private enum End {
        case event(Any)
        case error(any Error)
    }

    /// The query that is being answered.
    private struct Query {
        /// The answer has no body, whatever its head says.
        let hasNoBody: Bool
        /// nil where it is not forwarded but refused.
        var exchange: UpstreamExchange?
        /// The status, once the answer has begun.
        var status: Int?
    }

    /// The most bytes of an answer that wait to be flushed; beyond it they are flushed before more is read.
    private static let maxUnflushedBytes = 64 << 10

    private let forwarder: QueryForwarder
    private let routes: ForwardedRoutes
    private let pool: UpstreamPool
    /// Who sends the request whose head comes.
    private let caller: () -> Caller
    private var context: ChannelHandlerContext?
    private lazy var client = ClientAddress(context?.remoteAddress)
    private var query: Query?
    /// What was written of the answer since the last flush.
    private var unflushedBytes = 0
    /// The answers to queries that are complete, and not all sent.
    private var unsentAnswers = 0
    /// Whether what comes belongs to a request that is forwarded.
    private var isForwarding = false
    /// The client may be gone, so that none of its queries, also those that it sent before, is waited for.
    private var hasLeft = false
    /// What is to be passed on when the answers are sent.
    private var ends: [End] = []

    init(
        _ forwarder: QueryForwarder, _ routes: ForwardedRoutes, _ pool: UpstreamPool,
        _ caller: @escaping () -> Caller
    ) {
        self.caller = caller
        self.forwarder = forwarder
        self.routes = routes
        self.pool = pool
    }

    // MARK: the client's side

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    /// The connection has ended; whether `channelInactive` comes so far is up to the handlers before this one.
    func handlerRemoved(context: ChannelHandlerContext) {
        query?.exchange?.cancel()
        forgetQuery()
        ends.removeAll()
        self.context = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(let request) = unwrapInboundIn(data) else {
            return isForwarding ? () : context.fireChannelRead(data)
        }
        let caller = caller()
        switch routes.target(of: request, from: caller) {
        case .server:
            isForwarding = false
            context.fireChannelRead(data)
        case .upstream(let path, let queryText):
            isForwarding = true
            forward(request, to: path, queryText, caller)
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if event is ClientHasLeft {
            hasLeft = true
            query?.exchange?.hurry()
        }
        end(.event(event))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { end(.error(error)) }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { query?.exchange?.goOn() }
        context.fireChannelWritabilityChanged()
    }

    /// With the connection goes what was not sent yet.
    private func end(_ end: End) {
        guard query == nil, unsentAnswers == 0 else { return ends.append(end) }
        switch end {
        case .event(let event): context?.fireUserInboundEventTriggered(event)
        case .error(let error): context?.fireErrorCaught(error)
        }
    }

    // MARK: answering

    private func forward(_ request: HTTPRequest, to path: String, _ queryText: String?, _ caller: Caller) {
        query = Query(hasNoBody: request.method == .head)
        do throws(Problem) {
            let exchange = try forwarder.exchange(for: request, to: path, queryText, of: client, caller, reader: self)
            query?.exchange = exchange
            if hasLeft { exchange.hurry() }
            pool.start(exchange)
        } catch {
            answer(error)
        }
    }

    private func answer(_ problem: Problem) {
        let body = problem.body
        var fields = problem.adding(forwarder.knownFields).fields
        fields[.contentLength] = String(body.count)
        fields[.date] = HTTPDate.now()
        begin(HTTPResponse(status: problem.status, headerFields: fields))
        write(ByteBuffer(bytes: body))
        finishAnswer()
    }

    private func begin(_ response: HTTPResponse) {
        query?.status = response.status.code
        context?.write(wrapOutboundOut(.head(response)), promise: nil)
    }

    private func write(_ part: ByteBuffer) {
        if query?.hasNoBody == false { context?.write(wrapOutboundOut(.body(part)), promise: nil) }
    }

    private func finishAnswer() {
        guard let context else { return }
        unsentAnswers += 1
        let isSent = context.eventLoop.makePromise(of: Void.self)
        isSent.futureResult.assumeIsolated().whenComplete { _ in self.hasSentAnswer() }
        // First of all: with the end of the answer the next query may come.
        forgetQuery()
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: isSent)
    }

    private func hasSentAnswer() {
        unsentAnswers -= 1
        guard query == nil, unsentAnswers == 0, !ends.isEmpty else { return }
        let ends = ends
        self.ends = []
        for end in ends { self.end(end) }
    }

    private func forgetQuery() {
        guard let query else { return }
        self.query = nil
        if let exchange = query.exchange { forwarder.hasEnded(exchange, of: client) }
        if let status = query.status { routes.count(status) }
    }
}

// MARK: - The query service's side

extension ForwardingHandler: UpstreamReader {
    func take(_ head: HTTPResponseHead) { begin(forwarder.response(head)) }

    func take(_ part: ByteBuffer) -> Bool {
        write(part)
        unflushedBytes += part.readableBytes
        guard let channel = context?.channel else { return true }
        // TLS keeps what is written until it is flushed, and the channel knows nothing of it.
        guard !channel.isWritable || unflushedBytes >= Self.maxUnflushedBytes else { return true }
        context?.flush()
        unflushedBytes = 0
        return channel.isWritable
    }

    func takeBreath() -> Bool {
        context?.flush()
        unflushedBytes = 0
        return context?.channel.isWritable ?? true
    }

    func finish() { finishAnswer() }

    func fail(_ error: UpstreamError) {
        if query?.status == nil {
            answer(forwarder.problem(for: error))
        } else {
            forwarder.noteBrokenOff(error)
            // Nothing else tells the client that the rest is missing.
            context?.close(promise: nil)
        }
    }
}

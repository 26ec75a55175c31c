internal import DequeModule
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypes
internal import ServiceSupport

/// Forwards the queries of one connection, and passes everything else on to the server behind it.
///
/// A query is asked and answered on the connection's own event loop, without a task: four changes of threads less than
/// through the server. Answers keep the order of their requests: what comes while an answer is under way waits here, where
/// that answer must go first.
final class ForwardingHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// What comes from the client.
    private enum Arrival {
        case head(HTTPRequest, ForwardedRoutes.Target)
        case rest(HTTPRequestPart)
        case event(Any)
        case error(any Error)

        var isRequest: Bool {
            switch self {
            case .head, .rest: true
            case .event, .error: false
            }
        }
    }

    /// The query that is being answered.
    private struct Query {
        /// The connection ends with the answer.
        let isLast: Bool
        /// The answer has no body, whatever its head says.
        let hasNoBody: Bool
        /// nil where it is not forwarded but refused, or held.
        var exchange: UpstreamExchange?
        /// Looks again whether it may be forwarded.
        var nextLook: Scheduled<Void>?
        /// The status, once the answer has begun.
        var status: Int?
    }

    /// While so much waits, nothing more is read.
    private static let mostArrivals = 32

    private let forwarder: QueryForwarder
    private let routes: ForwardedRoutes
    private let pool: UpstreamPool
    private var context: ChannelHandlerContext?
    private var query: Query?
    /// The requests that the server behind has not answered yet.
    private var passedOn = 0
    /// The answers to queries that are complete, and not all sent.
    private var unsentAnswers = 0
    /// Whether the rest of a query's request is still to come.
    private var isReadingQuery = false
    /// Whether the client was told that the connection ends, so that nothing it sends is taken any more.
    private var isClosing = false
    private var arrivals: Deque<Arrival> = []
    private var isTakingArrivals = false
    private var isReadHeld = false

    init(_ forwarder: QueryForwarder, _ routes: ForwardedRoutes, _ pool: UpstreamPool) {
        self.forwarder = forwarder
        self.routes = routes
        self.pool = pool
    }

    // MARK: the client's side

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    /// The connection has ended; whether `channelInactive` comes so far is up to the handlers before this one.
    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        query?.exchange?.cancel()
        forgetQuery()
        arrivals.removeAll()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isClosing else { return }
        switch unwrapInboundIn(data) {
        case .head(let request): arrived(.head(request, routes.target(of: request)))
        case let rest: arrived(.rest(rest))
        }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) { arrived(.event(event)) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { arrived(.error(error)) }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable {
            query?.exchange?.goOn()
            takeArrivals()
        }
        context.fireChannelWritabilityChanged()
    }

    func read(context: ChannelHandlerContext) {
        if arrivals.count < Self.mostArrivals { context.read() } else { isReadHeld = true }
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let isEnd = if case .end = unwrapOutboundIn(data) { true } else { false }
        context.write(data, promise: promise)
        guard isEnd else { return }
        passedOn -= 1
        takeArrivals()
    }

    // MARK: taking turns

    private func arrived(_ arrival: Arrival) {
        if arrivals.isEmpty, isItsTurn(arrival) { take(arrival) } else { arrivals.append(arrival) }
    }

    /// Whether what has come may be dealt with, as far as the answers before it are concerned.
    private func isItsTurn(_ arrival: Arrival) -> Bool {
        switch arrival {
        case .head(_, .server): query == nil
        // Where the client does not read its answers, they wait in the connection; no more are asked for then.
        case .head: query == nil && passedOn == 0 && context?.channel.isWritable == true
        // The server may close the connection for them, and with it goes what was not sent yet.
        case .event, .error: query == nil && unsentAnswers == 0
        case .rest: true
        }
    }

    private func take(_ arrival: Arrival) {
        switch arrival {
        case .head(let request, .server):
            isReadingQuery = false
            passedOn += 1
            context?.fireChannelRead(wrapInboundOut(.head(request)))
        case .head(let request, .upstream(let path, let queryText)):
            isReadingQuery = true
            forward(request, to: path, queryText)
        case .rest(let part):
            if !isReadingQuery { context?.fireChannelRead(wrapInboundOut(part)) }
        case .event(let event): context?.fireUserInboundEventTriggered(event)
        case .error(let error): context?.fireErrorCaught(error)
        }
    }

    private func takeArrivals() {
        guard !isTakingArrivals else { return }
        isTakingArrivals = true
        var hasTaken = false
        while let next = arrivals.first, isItsTurn(next) {
            arrivals.removeFirst()
            take(next)
            hasTaken = true
        }
        isTakingArrivals = false
        // The server looks at what it was given only when that is all for now.
        if hasTaken { context?.fireChannelReadComplete() }
        guard isReadHeld, arrivals.count < Self.mostArrivals else { return }
        isReadHeld = false
        context?.read()
    }

    // MARK: answering

    private func forward(_ request: HTTPRequest, to path: String, _ queryText: String?) {
        query = Query(isLast: request.headerFields[.connection] == "close", hasNoBody: request.method == .head)
        ask(request, to: path, queryText, until: nil)
    }

    /// Asks the query service, once it is known what its answer must show at least.
    ///
    /// - Parameter deadline: until when that is waited for; nil: as long as a query waits, from now on.
    private func ask(_ request: HTTPRequest, to path: String, _ queryText: String?, until deadline: NIODeadline?) {
        do throws(Problem) {
            guard forwarder.isHeadKnown else {
                let deadline =
                    if let deadline { deadline } else { try forwarder.deadline(ofWaiting: queryText) }
                guard .now() < deadline, let eventLoop = context?.eventLoop else { throw forwarder.headUnknown }
                query?.nextLook = eventLoop.assumeIsolated().scheduleTask(in: QueryForwarder.pauseBetweenLooks) {
                    self.ask(request, to: path, queryText, until: deadline)
                }
                return
            }
            let exchange = try forwarder.exchange(for: request, to: path, queryText, reader: self)
            query?.exchange = exchange
            pool.start(exchange)
        } catch {
            answer(error)
        }
    }

    private func answer(_ problem: Problem) {
        let body = problem.body
        var fields = problem.fields
        fields[.contentLength] = String(body.count)
        fields[.date] = HTTPDate.now()
        begin(HTTPResponse(status: problem.status, headerFields: fields))
        write(ByteBuffer(bytes: body))
        end()
    }

    private func begin(_ response: HTTPResponse) {
        var response = response
        query?.status = response.status.code
        if query?.isLast == true { response.headerFields[.connection] = "close" }
        context?.write(wrapOutboundOut(.head(response)), promise: nil)
    }

    private func write(_ part: ByteBuffer) {
        if query?.hasNoBody == false { context?.write(wrapOutboundOut(.body(part)), promise: nil) }
    }

    private func end() {
        guard let query, let context else { return }
        unsentAnswers += 1
        let isSent = context.eventLoop.makePromise(of: Void.self)
        isSent.futureResult.assumeIsolated().whenComplete { _ in self.hasSentAnswer(isLast: query.isLast) }
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: isSent)
        forgetQuery()
        if query.isLast {
            isClosing = true
            arrivals.removeAll { $0.isRequest }
        }
        takeArrivals()
    }

    private func hasSentAnswer(isLast: Bool) {
        unsentAnswers -= 1
        // The rest when the client has read it and closes, too.
        if isLast { context?.close(mode: .output, promise: nil) }
        takeArrivals()
    }

    private func forgetQuery() {
        guard let query else { return }
        self.query = nil
        query.nextLook?.cancel()
        if let exchange = query.exchange { forwarder.hasEnded(exchange) }
        if let status = query.status { routes.count(status) }
    }
}

// MARK: - The query service's side

extension ForwardingHandler: UpstreamReader {
    func take(_ head: HTTPResponseHead) { begin(forwarder.response(head)) }

    func take(_ part: ByteBuffer) -> Bool {
        write(part)
        guard let channel = context?.channel, !channel.isWritable else { return true }
        context?.flush()
        return channel.isWritable
    }

    func takeBreath() { context?.flush() }

    func finish() { end() }

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

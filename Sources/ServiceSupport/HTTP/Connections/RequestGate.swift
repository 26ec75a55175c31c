internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypesHTTP1

/// What a server does with a request before anybody answers it, at the level of HTTP/1 itself: it refuses what is no
/// request of RFC 9112, or none for this server, tells a client that waits for it to send its body, and knows when the
/// connection ends.
///
/// One request at a time comes here: NIO's `HTTPServerPipelineHandler` stands before this handler.
final class RequestGate: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    /// Whose turn it is.
    enum Phase: Hashable {
        /// The client's: nothing is asked.
        case idle
        /// The client's: its request is not complete.
        case reading
        /// The server's.
        case answering
        /// The last answer is given, and the client is to close.
        case lingering
    }

    private let rules: RequestRules
    private var context: ChannelHandlerContext?
    /// Whether the connection is one beyond the limit, and may only be asked for health.
    var isHealthOnly = false
    /// How many requests have begun.
    private(set) var requests: UInt64 = 0
    private var version = HTTPVersion.http1_1
    private var method = HTTPMethod.GET
    private var isReading = false
    private var isAnswered = true
    private var hasBegunAnswer = false
    /// Whether an answer is under way, and a part of its body given.
    private(set) var hasAnsweredPart = false
    /// The connection ends with the answer under way.
    private var isLast = false
    /// Nothing the client sends is taken any more, and nothing but the gate writes.
    private var isClosed = false
    private var isSent = false
    private var hasLeft = false
    /// The client was too slow; what follows as an error of the parser is that.
    var isGivenUp = false
    private var checkedHost: String?
    private var onLeaving: [@Sendable () -> Void] = []

    init(_ rules: RequestRules) { self.rules = rules }

    var phase: Phase {
        if isClosed { return .lingering }
        if isReading { return .reading }
        return isAnswered ? .idle : .answering
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        clientHasLeft()
        self.context = nil
    }

    // MARK: requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head): take(head)
        case .body where !isClosed: context.fireChannelRead(data)
        case .end:
            isReading = false
            if !isClosed { context.fireChannelRead(data) }
        case .body: break
        }
    }

    private func take(_ head: HTTPRequestHead) {
        guard !isClosed, let context else { return }
        requests &+= 1
        onLeaving.removeAll()
        (version, method) = (head.version, head.method)
        (isReading, isAnswered, hasBegunAnswer, hasAnsweredPart) = (true, false, false, false)
        // NIO's decoder takes nothing more after what might change the protocol.
        isLast = !head.isKeepAlive || isHealthOnly || head.method == .CONNECT
        var head = head
        do throws(Problem) {
            let request = try rules.check(&head, knownHost: checkedHost, at: context.localAddress)
            checkedHost = request.host
            if isHealthOnly, !HealthRoutes.answer(head.uri) { throw .tooManyConnections }
            // Whoever is not told to send its body may do so or not: what comes next could be either (RFC 9110, 10.1.1).
            if request.hasUpgrade || request.tellsToContinue == false { isLast = true }
            if isLast { head.headers.replaceOrAdd(name: "connection", value: "close") }
            if request.tellsToContinue == true {
                context.writeAndFlush(
                    wrapOutboundOut(.head(HTTPResponseHead(version: version, status: .continue))), promise: nil)
            }
        } catch {
            return refuse(error)
        }
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard !isClosed, let parserError = error as? HTTPParserError else { return context.fireErrorCaught(error) }
        if isAnswered ? isReading : hasBegunAnswer {
            // The answer is under way, or given: nothing else can tell of it.
            isClosed = true
            context.fireErrorCaught(error)
            return context.close(promise: nil)
        }
        // Where no head has come, the answer is to a request of which nothing is known.
        if isAnswered { (version, method) = (.http1_1, .GET) }
        refuse(isGivenUp ? .requestTimeout : .malformed(parserError))
        // Whoever reads a body learns that it does not end.
        context.fireErrorCaught(error)
    }

    private func refuse(_ problem: Problem) {
        guard let context else { return }
        isClosed = true
        isAnswered = true
        let body = problem.body
        var headers = HTTPHeaders(problem.fields)
        headers.replaceOrAdd(name: "connection", value: "close")
        headers.add(name: "content-length", value: String(body.count))
        headers.add(name: "date", value: HTTPDate.now())
        let head = HTTPResponseHead(
            version: version, status: HTTPResponseStatus(statusCode: problem.status.code), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        }
        rules.count(problem.status.code)
        writeLast(context)
        context.flush()
    }

    // MARK: answers

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard !isClosed else {
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        switch unwrapOutboundIn(data) {
        case .head(var head) where head.status.code >= 200:
            hasBegunAnswer = true
            complete(&head)
            context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .head: context.write(data, promise: promise)
        case .body:
            hasAnsweredPart = true
            context.write(data, promise: promise)
        case .end:
            (isAnswered, hasAnsweredPart) = (true, false)
            guard isLast else { return context.write(data, promise: promise) }
            isClosed = true
            writeLast(context, promise)
        }
    }

    /// An HTTP/1.0 client knows no chunks, and is told if the connection stays open (RFC 9112, sections 7.1 and 9.3).
    private func complete(_ head: inout HTTPResponseHead) {
        if version == .http1_0 {
            head.version = .http1_0
            let hasLength = head.headers.contains(name: "content-length") || [204, 304].contains(head.status.code)
            if !hasLength { isLast = true }
            if !isLast { head.headers.replaceOrAdd(name: "connection", value: "keep-alive") }
        } else if !head.isKeepAlive {
            isLast = true
        }
        if isLast { head.headers.replaceOrAdd(name: "connection", value: "close") }
    }

    private func writeLast(_ context: ChannelHandlerContext, _ promise: EventLoopPromise<Void>? = nil) {
        let isSent = promise ?? context.eventLoop.makePromise()
        isSent.futureResult.assumeIsolated().whenComplete { _ in self.hasSentLast() }
        context.write(wrapOutboundOut(.end(nil)), promise: isSent)
    }

    /// The client is to read the answer before the connection is gone: if it still sends, closing at once would take the
    /// answer from it (RFC 9112, section 9.6).
    private func hasSentLast() {
        isSent = true
        guard let context else { return }
        if hasLeft { context.close(promise: nil) } else { context.close(mode: .output, promise: nil) }
    }

    // MARK: the client

    /// The client has closed its end of the connection, or the connection has ended.
    func clientHasLeft() {
        guard !hasLeft else { return }
        hasLeft = true
        let actions = onLeaving
        onLeaving = []
        for action in actions { action() }
        guard let context else { return }
        context.fireUserInboundEventTriggered(ClientHasLeft())
        if isSent { context.close(promise: nil) }
    }

    /// Calls back once, if the client leaves before its next request.
    func whenClientLeaves(_ action: @escaping @Sendable () -> Void) {
        if hasLeft { action() } else { onLeaving.append(action) }
    }
}

internal import Access
internal import HTTPTypes
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypesHTTP1

/// What a server does with a request before anybody answers it, at the level of HTTP/1 itself: it refuses what is no
/// request of RFC 9112, none for this server, or one that its sender may not make, tells a client that waits for it to send
/// its body, and knows when the connection ends.
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
    /// nil: there is nothing to decide.
    private let access: RequestAccess?
    private var context: ChannelHandlerContext?
    /// The certificate that the client has proved to be its own; nil: none.
    var certificate: ClientCertificate?
    /// Who sends the request under way.
    private(set) var caller = Caller.unrestricted
    private var held: HeldRequest?
    /// What still comes of the request was answered already.
    private var isPassedOver = false
    private var allowedOrigin: String?
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
    /// Whether what was held of a request is being handed on: until then nothing else may be.
    private var isHandingOn = false
    /// What came meanwhile.
    private var later: [HeldRequest.Rest] = []
    private var checkedHost: String?
    private var onLeaving: [@Sendable () -> Void] = []

    init(_ rules: RequestRules, _ access: RequestAccess?) {
        self.rules = rules
        self.access = access
    }

    var phase: Phase {
        if isClosed { return .lingering }
        if isReading { return .reading }
        return isAnswered ? .idle : .answering
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        clientHasLeft()
        held = nil
        later = []
        access?.callers.remove(context.channel)
        self.context = nil
    }

    // MARK: requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if isHandingOn { return later.append(.part(data)) }
        switch unwrapInboundIn(data) {
        case .head(let head): take(head)
        case .body: takeRest(context, data)
        case .end:
            isReading = false
            // What it is passed on to may answer at once, and the next request come.
            defer { if !isReading { isPassedOver = false } }
            takeRest(context, data)
        }
    }

    private func takeRest(_ context: ChannelHandlerContext, _ data: NIOAny) {
        if isClosed || isPassedOver { return }
        if held != nil { held?.rest.append(.part(data)) } else { context.fireChannelRead(data) }
    }

    private func take(_ head: HTTPRequestHead) {
        guard !isClosed, let context else { return }
        requests &+= 1
        onLeaving.removeAll()
        (version, method) = (head.version, head.method)
        (isReading, isAnswered, hasBegunAnswer, hasAnsweredPart) = (true, false, false, false)
        // NIO's decoder takes nothing more after what might change the protocol.
        isLast = !head.isKeepAlive || isHealthOnly || head.method == .CONNECT || hasOldCertificate
        (caller, allowedOrigin) = (access == nil ? .unrestricted : .stranger, nil)
        var head = head
        var tellsToContinue = false
        do throws(Problem) {
            let request = try rules.check(&head, knownHost: checkedHost, at: context.localAddress)
            checkedHost = request.host
            allowedOrigin = request.allowedOrigin
            if isHealthOnly, !HealthRoutes.answer(head.uri) { throw .tooManyConnections }
            // Whoever is not told to send its body may do so or not: what comes next could be either (RFC 9110, 10.1.1).
            if request.hasUpgrade || request.tellsToContinue == false { isLast = true }
            if isLast { head.headers.replaceOrAdd(name: "connection", value: "close") }
            tellsToContinue = request.tellsToContinue == true
        } catch {
            return refuse(error)
        }
        let request = HeldRequest(head: head, tellsToContinue: tellsToContinue)
        if allowedOrigin != nil, let methods = rules.preflight(head) {
            return answer(request, 204, OriginAnswer.preflight(methods: methods), [])
        }
        guard let access else { return pass(request, context) }
        guard access.concerns(head) else { return admit(.unrestricted, request, access, context) }
        let asked = access.asked(head, from: context.remoteAddress)
        _ = decide(request, asked, access.decide(asked, head, certificate: certificate?.nameWhileValid))
    }

    // MARK: who may ask

    /// - Returns: whether the request has gone on.
    private func decide(
        _ request: HeldRequest, _ asked: RequestAccess.Asked, _ outcome: RequestAccess.Outcome
    ) -> Bool {
        guard let access, let context else { return false }
        switch outcome {
        case .admitted(let caller):
            admit(caller, request, access, context)
            return true
        case .refused(let problem): answer(request, problem.status.code, HTTPHeaders(problem.fields), problem.body)
        case .unverified(let token): hold(request, asked, token, access, context)
        }
        return false
    }

    private func admit(
        _ caller: Caller, _ request: HeldRequest, _ access: RequestAccess, _ context: ChannelHandlerContext
    ) {
        self.caller = caller
        access.callers.set(caller, on: context.channel)
        pass(request, context)
    }

    /// Lets a request go on.
    private func pass(_ request: HeldRequest, _ context: ChannelHandlerContext) {
        if request.tellsToContinue {
            context.writeAndFlush(
                wrapOutboundOut(.head(HTTPResponseHead(version: version, status: .continue))), promise: nil)
        }
        context.fireChannelRead(wrapInboundOut(.head(request.head)))
    }

    /// Keeps a request, and what has come of it, until its sender's signature is verified.
    private func hold(
        _ request: HeldRequest, _ asked: RequestAccess.Asked, _ token: AccessControl.UnverifiedToken,
        _ access: RequestAccess, _ context: ChannelHandlerContext
    ) {
        held = request
        let gate = NIOLoopBound(self, eventLoop: context.eventLoop)
        let eventLoop = context.eventLoop
        Task {
            let identity = await access.security.access.identity(verifying: token)
            eventLoop.execute { gate.value.goOn(asked, identity) }
        }
    }

    private func goOn(_ asked: RequestAccess.Asked, _ identity: AccessControl.Identity) {
        // The connection may have ended, or been ended, meanwhile.
        guard let held, let access, !isClosed else { return }
        self.held = nil
        isHandingOn = true
        let hasGoneOn = decide(held, asked, access.decide(asked, identity))
        for event in held.rest {
            guard let context else { return }
            switch event {
            case .part(let data): if hasGoneOn { context.fireChannelRead(data) }
            case .event(let event): context.fireUserInboundEventTriggered(event)
            }
        }
        isHandingOn = false
        handOnLater()
        guard let context else { return }
        context.fireChannelReadComplete()
        if held.isReadPending { read(context: context) }
    }

    /// Takes in what came while a held request was handed on: if that was answered at once, the next request.
    private func handOnLater() {
        let events = later
        later = []
        for event in events {
            guard let context else { return }
            switch event {
            case .part(let data): channelRead(context: context, data: data)
            case .event(let event): userInboundEventTriggered(context: context, event: event)
            }
        }
    }

    func read(context: ChannelHandlerContext) {
        if held != nil { held?.isReadPending = true } else { context.read() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if isHandingOn { return later.append(.event(event)) }
        if held != nil { held?.rest.append(.event(event)) } else { context.fireUserInboundEventTriggered(event) }
    }

    /// Whether what the sender of the request under way proved itself by still holds.
    var callerStillHolds: Bool {
        guard let access else { return true }
        if caller.credential == .certificate, hasOldCertificate || certificate?.nameWhileValid == nil { return false }
        return access.security.access.stillHolds(caller)
    }

    /// Whether those who may sign certificates have changed since the client proved its own: it is to prove it anew, on
    /// another connection.
    var hasOldCertificate: Bool {
        guard let certificate else { return false }
        return access?.security.tls?.clientAuthorities != certificate.authorities
    }

    /// The client proved no certificate that its connection needs.
    func noteFailedCertificate() { access?.security.audit.certificateMissing(from: context?.remoteAddress) }

    /// The client proved a certificate that names nobody.
    func noteRefusedCertificate() { access?.security.audit.certificateRefused(from: context?.remoteAddress) }

    /// Answers a request in the place of all behind the gate. The connection goes on, unless a long body may follow.
    private func answer(_ request: HeldRequest, _ status: Int, _ fields: HTTPHeaders, _ body: [UInt8]) {
        guard let context, !isLast, rules.isShort(request.head) else { return answerLast(status, fields, body) }
        isPassedOver = isReading
        isAnswered = true
        var head = head(status, fields, of: body)
        complete(&head)
        write(head, body, to: context)
        if isLast {
            isClosed = true
            writeLast(context)
        } else {
            context.write(wrapOutboundOut(.end(nil)), promise: nil)
        }
        context.flush()
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
        answerLast(problem.status.code, HTTPHeaders(problem.fields), problem.body)
    }

    private func answerLast(_ status: Int, _ fields: HTTPHeaders, _ body: [UInt8]) {
        guard let context else { return }
        isClosed = true
        isAnswered = true
        held = nil
        var fields = fields
        fields.replaceOrAdd(name: "connection", value: "close")
        var head = head(status, fields, of: body)
        if !rules.origins.isEmpty { OriginAnswer(allowed: allowedOrigin).add(to: &head.headers) }
        write(head, body, to: context)
        writeLast(context)
        context.flush()
    }

    private func head(_ status: Int, _ fields: HTTPHeaders, of body: [UInt8]) -> HTTPResponseHead {
        var fields = fields
        if status != 204 { fields.add(name: "content-length", value: String(body.count)) }
        fields.add(name: "date", value: HTTPDate.now())
        return HTTPResponseHead(
            version: version, status: HTTPResponseStatus(statusCode: status), headers: fields)
    }

    private func write(_ head: HTTPResponseHead, _ body: [UInt8], to context: ChannelHandlerContext) {
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if method != .HEAD, !body.isEmpty {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: body)))), promise: nil)
        }
        rules.count(Int(head.status.code))
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
        if !rules.origins.isEmpty { OriginAnswer(allowed: allowedOrigin).add(to: &head.headers) }
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

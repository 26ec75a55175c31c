internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypesHTTP1

/// Two duties of a server that the server library leaves to its user: a client that sends `Expect: 100-continue` is told
/// to go on (RFC 9110, section 10.1.1), and the connection of an HTTP/1.0 client that does not ask to keep it is closed
/// after the answer (RFC 9112, section 9.3).
///
/// Who announces a body that is too long is not told to go on: the refusal comes at once instead.
final class RequestHeadHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let largestBody: Int

    init(largestBody: Int) { self.largestBody = largestBody }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard case .head(var head) = unwrapInboundIn(data) else { return context.fireChannelRead(data) }
        let announced = head.headers.first(name: "content-length").flatMap { Int($0) } ?? 0
        if head.headers.first(name: "expect")?.lowercased() == "100-continue", head.version != .http1_0,
            announced <= largestBody
        {
            context.writeAndFlush(
                wrapOutboundOut(.head(HTTPResponseHead(version: head.version, status: .continue))), promise: nil)
        }
        if !head.isKeepAlive { head.headers.replaceOrAdd(name: "connection", value: "close") }
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    /// Puts the handler where it still sees HTTP/1 itself: the server adds its users' handlers behind the codec that
    /// hides the version.
    final class Installer: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = NIOAny

        private let largestBody: Int

        init(largestBody: Int) { self.largestBody = largestBody }

        func handlerAdded(context: ChannelHandlerContext) {
            do {
                let pipeline = context.pipeline.syncOperations
                let codec = try pipeline.handler(type: HTTP1ToHTTPServerCodec.self)
                try pipeline.addHandler(RequestHeadHandler(largestBody: largestBody), position: .before(codec))
            } catch {
                context.fireErrorCaught(error)
            }
        }
    }
}

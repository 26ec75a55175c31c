internal import NIOCore
internal import NIOSSL
internal import NIOTLS
internal import ServiceSupport

/// Waits for the handshake of TLS on a connection with the query service, whose certificate must be for the name or the IP
/// address that the gateway reaches it by.
final class UpstreamHandshake: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private static let timeout = TimeAmount.seconds(2)

    private let isDone: EventLoopPromise<Void>
    private var timer: Scheduled<Void>?
    private var isOver = false

    private init(on eventLoop: any EventLoop) { isDone = eventLoop.makePromise() }

    /// The handlers of TLS, first of all others, on the event loop of their connection.
    static func handlers(_ tls: ReloadedTLS, with host: String, on eventLoop: any EventLoop) throws
        -> [any ChannelHandler]
    {
        [
            try NIOSSLClientHandler(context: tls.context, serverHostname: isAddress(host) ? nil : host),
            UpstreamHandshake(on: eventLoop),
        ]
    }

    /// Succeeds when the handshake is done; fails if it does not succeed, or not in time.
    static func end(on channel: any Channel) -> EventLoopFuture<Void> {
        do {
            return try channel.pipeline.syncOperations.handler(type: UpstreamHandshake.self).isDone.futureResult
        } catch {
            return channel.eventLoop.makeFailedFuture(error)
        }
    }

    /// What is wrong with TLS, if that is why a request was not answered. A server that does not take this side's certificate
    /// says so only after the handshake, with TLS 1.3.
    static func failure(in error: UpstreamError) -> String? {
        switch error {
        case .noConnection(let last?), .brokenOff(let last?):
            if case NIOSSLError.handshakeFailed(let reason) = last { return "\(reason)" }
            let isOfTLS =
                last is HandshakeTimeout || last is NIOSSLError || last is NIOSSLExtraError || last is BoringSSLError
            return isOfTLS ? "\(last)" : nil
        default: return nil
        }
    }

    /// An IP address is no name: it must stand in the certificate as an address.
    private static func isAddress(_ host: String) -> Bool {
        do { _ = try SocketAddress(ipAddress: host, port: 0) } catch { return false }
        return true
    }

    func handlerAdded(context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.timeout) {
            self.fail(HandshakeTimeout(), context)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) { fail(ChannelError.ioOnClosedChannel, nil) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent {
            isOver = true
            timer?.cancel()
            isDone.succeed()
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // Whoever reads an answer learns from its length, or the lack of its end, that it is not whole.
        if case .uncleanShutdown = error as? NIOSSLError { return }
        fail(error, context)
        context.fireErrorCaught(error)
    }

    /// Does nothing if the handshake is done.
    private func fail(_ error: any Error, _ context: ChannelHandlerContext?) {
        guard !isOver else { return }
        isOver = true
        timer?.cancel()
        isDone.fail(error)
        context?.close(promise: nil)
    }

    private struct HandshakeTimeout: Error, CustomStringConvertible {
        var description: String { "the handshake of TLS took too long" }
    }
}

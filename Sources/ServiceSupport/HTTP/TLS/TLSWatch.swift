internal import NIOCore
internal import NIOSSL
internal import NIOTLS

/// Stands behind TLS on a connection, and tells those who deal with the connection what comes of it: the end of the handshake,
/// the client's certificate, and that the client has closed its end.
final class TLSWatch: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let gate: RequestGate
    private let watch: ConnectionWatch
    private let handler: NIOSSLServerHandler
    private let demandsCertificate: Bool
    private let authorities: UInt64
    private var isRefused = false

    /// - Parameter authorities: ``ReloadedTLS/clientAuthorities`` when the connection was made.
    init(
        _ gate: RequestGate, _ watch: ConnectionWatch, _ handler: NIOSSLServerHandler, demandsCertificate: Bool,
        authorities: UInt64
    ) {
        self.gate = gate
        self.watch = watch
        self.handler = handler
        self.demandsCertificate = demandsCertificate
        self.authorities = authorities
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        // What comes with the end of a handshake is still given out.
        if !isRefused { watch.take { context.fireChannelRead(data) } }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted = event as? TLSUserEvent {
            watch.endHandshake()
            guard !demandsCertificate || takeCertificate() else {
                isRefused = true
                gate.noteRefusedCertificate()
                return context.close(promise: nil)
            }
        }
        if case ChannelEvent.inputClosed = event { gate.clientHasLeft() }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // A client that ends the connection without a word of TLS has ended it: what is cut off is seen by HTTP, which says how
        // long each message is (RFC 9112, section 9.8). All other errors end the connection anyway.
        if error is NIOSSLError || error is BoringSSLError || error is NIOSSLExtraError
            || error is NIOTLSUnwrappingError
            || error is NIOSSLCloseTimedOutError
        {
            if case .handshakeFailed = error as? NIOSSLError {
                watch.noteFailedHandshake()
                if demandsCertificate { gate.noteFailedCertificate() }
            }
            return
        }
        context.fireErrorCaught(error)
    }

    private func takeCertificate() -> Bool {
        guard let certificate = handler.peerCertificate.flatMap({ ClientCertificate($0, under: authorities) }) else {
            return false
        }
        gate.certificate = certificate
        return true
    }
}

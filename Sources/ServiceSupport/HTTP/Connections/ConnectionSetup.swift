internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypesHTTP1
internal import NIOSSL

/// Sets a new connection up: the server library takes handlers only behind the codec that hides HTTP/1, and those of the
/// connection itself belong before it.
final class ConnectionSetup: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let rules: RequestRules
    private let access: RequestAccess?
    private let table: ConnectionTable
    private let tls: ReloadedTLS?

    init(_ rules: RequestRules, _ access: RequestAccess?, _ table: ConnectionTable, _ tls: ReloadedTLS?) {
        self.tls = tls
        self.rules = rules
        self.access = access
        self.table = table
    }

    func handlerAdded(context: ChannelHandlerContext) {
        do {
            let pipeline = context.pipeline.syncOperations
            let codec = try pipeline.handler(type: HTTP1ToHTTPServerCodec.self)
            let gate = RequestGate(rules, access)
            // One request after another: who is behind need not know of pipelining.
            try pipeline.addHandlers([HTTPServerPipelineHandler(), gate], position: .before(codec))
            let watch = ConnectionWatch(
                gate, among: table.connections(of: context.eventLoop), isSecured: tls != nil)
            try pipeline.addHandler(watch, position: .first)
            guard let tls else { return }
            // Behind the watch, which counts the bytes that are sent, and before all that speak HTTP.
            let (tlsContext, authorities) = tls.contextAndAuthorities
            let handler = NIOSSLServerHandler(context: tlsContext)
            let tlsWatch = TLSWatch(
                gate, watch, handler, demandsCertificate: tls.demandsCertificate, authorities: authorities)
            try pipeline.addHandlers([handler, tlsWatch], position: .after(watch))
        } catch {
            context.fireErrorCaught(error)
        }
    }
}

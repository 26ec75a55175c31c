internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTPTypesHTTP1

/// Sets a new connection up: the server library takes handlers only behind the codec that hides HTTP/1, and those of the
/// connection itself belong before it.
final class ConnectionSetup: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let rules: RequestRules
    private let access: RequestAccess?
    private let table: ConnectionTable

    init(_ rules: RequestRules, _ access: RequestAccess?, _ table: ConnectionTable) {
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
            try pipeline.addHandler(
                ConnectionWatch(gate, among: table.connections(of: context.eventLoop)), position: .first)
        } catch {
            context.fireErrorCaught(error)
        }
    }
}

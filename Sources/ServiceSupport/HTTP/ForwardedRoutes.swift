public import Access
public import HTTPTypes
internal import HummingbirdCore
public import NIOCore

/// Answers the queries of those routes that are forwarded, on the event loops of their connections.
public protocol RequestForwarder: Sendable {
    /// A handler for a new connection, made on its event loop and put before the server.
    ///
    /// It takes the requests for which `routes` has a target, and passes on everything else; its answers keep the order of
    /// the requests.
    ///
    /// - Parameter caller: who sends the request whose head comes; it was admitted.
    func makeHandler(
        on eventLoop: any EventLoop, _ routes: ForwardedRoutes, caller: @escaping () -> Caller
    ) -> any ChannelInboundHandler & RemovableChannelHandler

    /// Ends the answers that have no end of their own: the server stops, and waits for all.
    func endFeeds()
}

/// Which requests of a server are forwarded.
public struct ForwardedRoutes: Sendable {
    /// What becomes of a request.
    public enum Target: Sendable {
        /// The server answers it.
        case server
        /// It is forwarded to a path, with its query as it came, percent-encoded.
        case upstream(path: String, query: String?)
    }

    private let table: RouteTable

    init(_ table: RouteTable) { self.table = table }

    /// What becomes of a request of somebody.
    public func target(of request: HTTPRequest, from caller: Caller) -> Target {
        guard request.method == .get || request.method == .head else { return .server }
        let uri = URI(request.path ?? "")
        do throws(Problem) {
            // Decided before; should that ever fail, this does not, and the server refuses it.
            if let permission = table.permission(for: request.method, uri.path) { try caller.require(permission) }
            guard let path = try table.forwardedPath(of: uri.path) else { return .server }
            return .upstream(path: path, query: uri.query)
        } catch {
            // The server finds the same problem, and answers with it as with every other.
            return .server
        }
    }

    /// Counts an answer that the forwarder gave.
    public func count(_ status: Int) { table.answers.count(status) }
}

/// Puts a forwarder's handler behind the one that keeps watch over the connection (which closes it where it rests for too
/// long, and when the server stops): the server adds that one after those of its users.
final class ForwarderInstaller: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = NIOAny

    private let forwarder: any RequestForwarder
    private let routes: ForwardedRoutes

    init(_ forwarder: any RequestForwarder, _ routes: ForwardedRoutes) {
        self.forwarder = forwarder
        self.routes = routes
    }

    func channelActive(context: ChannelHandlerContext) {
        do {
            let pipeline = context.pipeline.syncOperations
            let watch = try pipeline.handler(type: HTTPConnectionStateHandler.self)
            let gate = try pipeline.handler(type: RequestGate.self)
            try pipeline.addHandler(
                forwarder.makeHandler(on: context.eventLoop, routes, caller: { gate.caller }), position: .after(watch))
        } catch {
            context.fireErrorCaught(error)
        }
        context.fireChannelActive()
    }
}

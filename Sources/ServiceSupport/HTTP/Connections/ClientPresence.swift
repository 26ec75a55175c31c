internal import Hummingbird
internal import NIOCore

/// Whether the client of a request is still there.
public struct ClientPresence: Sendable {
    /// The client of the request that the current task answers.
    @TaskLocal public static var current: ClientPresence?

    let channel: any Channel

    /// The client's IP address, for a log.
    public var address: String? { channel.remoteAddress?.ipAddress }

    /// Whether the connection has not ended: whoever has closed its own end alone may still read answers.
    public var isConnected: Bool { channel.isActive }

    /// Calls back once, soon, if the client has left or leaves before its next request: nobody waits for the answer.
    public func whenClientLeaves(_ action: @escaping @Sendable () -> Void) {
        channel.eventLoop.execute {
            do {
                try channel.pipeline.syncOperations.handler(type: RequestGate.self).whenClientLeaves(action)
            } catch {
                // The connection has ended, and its handlers are gone.
                action()
            }
        }
    }
}

/// The context of a request: the connection that it came on.
struct ConnectionContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let client: ClientPresence

    init(source: ApplicationRequestContextSource) {
        coreContext = CoreRequestContextStorage(source: source)
        client = ClientPresence(channel: source.channel)
    }
}

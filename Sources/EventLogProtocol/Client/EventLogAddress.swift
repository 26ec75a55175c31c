public import ZeroMQ

/// Where the event-log service is, and how long its clients wait for it.
public struct EventLogAddress: Hashable, Sendable {
    /// The append socket, such as `tcp://127.0.0.1:5570`.
    public var append: String
    /// The events socket, such as `tcp://127.0.0.1:5571`.
    public var events: String
    /// The read socket, such as `tcp://127.0.0.1:5572`.
    public var read: String
    /// How long a request waits for its reply.
    public var timeout: Duration
    /// How the log and this peer prove who they are.
    public var security: SocketSecurity

    /// An address from its endpoints.
    public init(
        append: String, events: String, read: String, timeout: Duration = .seconds(5), security: SocketSecurity = .none
    ) {
        self.append = append
        self.events = events
        self.read = read
        self.timeout = timeout
        self.security = security
    }
}

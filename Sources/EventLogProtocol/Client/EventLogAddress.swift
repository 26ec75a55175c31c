public import ZeroMQ

/// Where the event-log services are that lead one log in turn, and how long their clients wait for them.
public struct EventLogAddress: Hashable, Sendable {
    /// The endpoints of one event-log service.
    public struct Log: Hashable, Sendable {
        /// The append socket, such as `tcp://127.0.0.1:5570`.
        public let append: String
        /// The events socket, such as `tcp://127.0.0.1:5571`.
        public let events: String
        /// The read socket, such as `tcp://127.0.0.1:5572`.
        public let read: String

        /// A service from its endpoints.
        public init(append: String, events: String, read: String) {
            self.append = append
            self.events = events
            self.read = read
        }
    }

    /// The most services of one log: section 8.4 of the specification.
    public static let maxLogs = 16

    /// The services, at least one; of several, one leads.
    public let logs: [Log]
    /// How long a request waits for its reply.
    public var timeout: Duration
    /// How the log and this peer prove who they are; the services of one log have the same key.
    public var security: SocketSecurity

    /// An address from the services' endpoints.
    ///
    /// - Precondition: there are 1 to ``maxLogs``.
    public init(_ logs: [Log], timeout: Duration = .seconds(5), security: SocketSecurity = .none) {
        precondition((1...Self.maxLogs).contains(logs.count), "a log has 1 to \(Self.maxLogs) services")
        self.logs = logs
        self.timeout = timeout
        self.security = security
    }

    /// The address of a log with one service.
    public init(
        append: String, events: String, read: String, timeout: Duration = .seconds(5), security: SocketSecurity = .none
    ) {
        self.init([Log(append: append, events: events, read: read)], timeout: timeout, security: security)
    }

    /// The append sockets, for people: `A, B or C`.
    public var appendEndpoints: String { Self.text(logs.map(\.append)) }
    /// The events sockets, for people.
    public var eventsEndpoints: String { Self.text(logs.map(\.events)) }
    /// The read sockets, for people.
    public var readEndpoints: String { Self.text(logs.map(\.read)) }

    /// The first and the longest interval between attempts to connect to one of `count` services, in milliseconds. Of
    /// several services only one listens, so the interval is short: a change of the lead is noticed by nothing but a
    /// new connection.
    static func reconnectMilliseconds(ofServices count: Int) -> (first: Int32, longest: Int32) {
        let usual = SocketOptions().reconnectMilliseconds
        return count == 1 ? usual : (usual.first, min(usual.longest, 150))
    }

    /// Endpoints of which one is meant, for people: `A, B or C`.
    static func text(_ endpoints: [String]) -> String {
        guard endpoints.count > 1, let last = endpoints.last else { return endpoints.first ?? "" }
        return "\(endpoints.dropLast().joined(separator: ", ")) or \(last)"
    }
}

/// Where the event-log service binds its three sockets.
public struct LogEndpoints: Hashable, Sendable {
    /// Takes append requests.
    public var append: String
    /// Publishes events and heartbeats.
    public var events: String
    /// Answers reads.
    public var read: String

    /// Endpoints such as `tcp://127.0.0.1:5570`.
    public init(append: String, events: String, read: String) {
        self.append = append
        self.events = events
        self.read = read
    }
}

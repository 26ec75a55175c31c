/// How many clients a server has at once, and how long they may take.
public struct ConnectionLimits: Hashable, Sendable {
    /// The most clients connected at once.
    public var connections: Int
    /// The most clients connected at once from one address.
    public var connectionsPerAddress: Int
    /// Further connections, which may only ask for health and are closed after the answer.
    var healthConnections: Int { min(64, max(4, connections / 4)) }
    /// The most bytes of answers that clients have not taken yet.
    var unsentBytes = 256 << 20

    // In seconds, which the table of connections counts.
    /// The handshake of TLS must be done so soon.
    var secondsForHandshake = 10
    /// The head of a request must be complete so soon after its first byte.
    var secondsForHead = 15
    /// A body must bring ``leastBytesOfBody`` in so long, or get answers meanwhile.
    var secondsOfBody = 20
    /// The same if the answer is under way, and a part of it given: whoever is answered line by line may think about it as long as
    /// a connection rests between requests.
    var secondsOfAnsweredBody = 60
    /// 100 bytes a second.
    var leastBytesOfBody = 2000
    /// An answer must be taken in part at least once in so long.
    var secondsUnread = 30
    /// The rest of what a client sends is taken so long after the last answer, so that the answer is not lost.
    var secondsOfLinger = 2
    /// A connection for health lives so long.
    var secondsForHealth = 3

    /// Limits.
    ///
    /// - Parameter connectionsPerAddress: nil: half of all.
    public init(connections: Int = 10_000, connectionsPerAddress: Int? = nil) {
        self.connections = connections
        self.connectionsPerAddress = connectionsPerAddress ?? max(1, connections / 2)
    }

    /// How many one address may have of something of which all clients together may have so many: the same share as of
    /// the connections.
    public func perAddress(of all: Int) -> Int {
        let (product, overflows) = all.multipliedReportingOverflow(by: connectionsPerAddress)
        return overflows ? all : min(all, max(1, product / max(1, connections)))
    }

    /// The limits that leave the process descriptors for everything else.
    func fitted(to descriptors: Int) -> ConnectionLimits {
        let clients = DescriptorLimit.clients(of: descriptors)
        guard connections + healthConnections > clients else { return self }
        var limits = self
        limits.connections = clients - min(64, clients / 4)
        limits.connectionsPerAddress = min(connectionsPerAddress, max(1, limits.connections / 2))
        return limits
    }
}

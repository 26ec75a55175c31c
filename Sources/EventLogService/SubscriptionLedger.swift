internal import ZeroMQ

/// The subscriptions of each connection, so that their number has a limit.
///
/// libzmq keeps every subscription in a tree, one node for each byte, in any number. It takes them without asking; so a
/// connection that exceeds a limit is ended, and its subscriptions go with it.
struct SubscriptionLedger {
    /// What becomes of the connection.
    enum Verdict: Hashable, Sendable {
        /// It keeps its subscription.
        case taken
        /// It must be ended.
        case refused
        /// It was refused before, and will end.
        case ignored
    }

    private struct Connection {
        /// The key that its peer holds, if one is demanded.
        let key: CurvePublicKey?
        var topics: Set<[UInt8]> = []
        var nonsense = 0
        var isRefused = false
    }

    let maxOfConnection: Int
    let maxInAll: Int
    let maxNonsense: Int
    private var connections: [ConnectionID: Connection] = [:]
    /// All subscriptions that are known.
    private(set) var count = 0

    init(maxOfConnection: Int = 256, maxInAll: Int = 4096, maxNonsense: Int = 64) {
        self.maxOfConnection = maxOfConnection
        self.maxInAll = maxInAll
        self.maxNonsense = maxNonsense
    }

    /// A connection subscribes to the topics that begin with `topic`.
    ///
    /// - Parameters:
    ///   - isPossible: whether any event can have such a topic.
    ///   - key: the key that the peer holds, if one is demanded.
    mutating func subscribe(
        _ topic: [UInt8], isPossible: Bool, by connection: ConnectionID, of key: CurvePublicKey? = nil
    ) -> Verdict {
        var known = connections[connection] ?? Connection(key: key)
        guard !known.isRefused else { return .ignored }
        // What is left of an earlier connection with the same descriptor must not be taken for this one's.
        guard known.key == key else { return refuse(connection, of: key) }
        guard !known.topics.contains(topic) else { return .taken }
        guard isPossible, known.topics.count < maxOfConnection, count < maxInAll else {
            return refuse(connection, of: key)
        }
        known.topics.insert(topic)
        connections[connection] = known
        count += 1
        return .taken
    }

    /// A connection ends a subscription.
    mutating func unsubscribe(_ topic: [UInt8], by connection: ConnectionID) {
        if connections[connection]?.topics.remove(topic) != nil { count -= 1 }
    }

    /// A connection sends what is no subscription.
    mutating func nonsense(by connection: ConnectionID, of key: CurvePublicKey? = nil) -> Verdict {
        var known = connections[connection] ?? Connection(key: key)
        guard !known.isRefused else { return .ignored }
        known.nonsense += 1
        connections[connection] = known
        return known.nonsense > maxNonsense ? refuse(connection, of: key) : .taken
    }

    /// A connection's peer may not subscribe (any more).
    mutating func shutOut(_ connection: ConnectionID, of key: CurvePublicKey?) -> Verdict {
        connections[connection]?.isRefused == true ? .ignored : refuse(connection, of: key)
    }

    /// Refuses the connections of peers that may not subscribe any more.
    ///
    /// - Returns: those that must be ended.
    mutating func shutOut(ifNot mayStay: (CurvePublicKey?) -> Bool) -> [ConnectionID] {
        let ended = connections.filter { !$0.value.isRefused && !mayStay($0.value.key) }.map(\.key)
        for connection in ended { connections[connection]?.isRefused = true }
        return ended
    }

    /// Forgets the connections that have ended.
    mutating func forget(_ hasEnded: (ConnectionID) -> Bool) {
        for (connection, known) in connections where hasEnded(connection) {
            count -= known.topics.count
            connections[connection] = nil
        }
    }

    private mutating func refuse(_ connection: ConnectionID, of key: CurvePublicKey?) -> Verdict {
        // Its topics count until it has ended.
        connections[connection, default: Connection(key: key)].isRefused = true
        return .refused
    }
}

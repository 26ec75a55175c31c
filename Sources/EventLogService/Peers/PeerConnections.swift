internal import ZeroMQ

/// The connections over which each peer has sent messages to one socket, so that no peer takes those of the others.
struct PeerConnections {
    private let maxOfPeer: Int
    private var known: [CurvePublicKey: Set<ConnectionID>] = [:]
    /// The last one that was admitted: mostly the next message comes over it.
    private var last: (connection: ConnectionID, key: CurvePublicKey)?

    init(maxOfPeer: Int) { self.maxOfPeer = maxOfPeer }

    /// Whether a peer may use a connection.
    ///
    /// - Parameter isOpen: whether another connection has not ended.
    mutating func admit(
        _ connection: ConnectionID, of key: CurvePublicKey, isOpen: (ConnectionID) -> Bool
    ) -> Bool {
        if let last, last.connection == connection, last.key == key { return true }
        var connections = known[key] ?? []
        if !connections.contains(connection) {
            if connections.count >= maxOfPeer { connections = connections.filter(isOpen) }
            guard connections.count < maxOfPeer else { return false }
            connections.insert(connection)
            // Keys that are no peers' any more.
            if known.count >= PeerTable.maxPeers, known[key] == nil {
                known = known.filter { $0.value.contains(where: isOpen) }
            }
            known[key] = connections
        }
        last = (connection, key)
        return true
    }
}

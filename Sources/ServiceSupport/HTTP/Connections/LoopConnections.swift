internal import NIOCore

/// The connections of one event loop, looked at once a second: one timer costs less than several for each connection.
///
/// Not Sendable: it belongs to its event loop.
final class LoopConnections {
    let table: ConnectionTable
    private let eventLoop: any EventLoop
    private var connections: [ObjectIdentifier: ConnectionWatch] = [:]
    /// The connections that may only ask for health, oldest first.
    private var healthOnly: [ConnectionWatch] = []
    /// What all clients together have not taken yet, as of the last look at each.
    var unsentBytes = 0
    private var isTicking = false

    init(of table: ConnectionTable, on eventLoop: any EventLoop) {
        self.table = table
        self.eventLoop = eventLoop
    }

    /// Takes in a new connection.
    func add(_ connection: ConnectionWatch) {
        connections[ObjectIdentifier(connection)] = connection
        admit(connection)
        tickLater()
    }

    func remove(_ connection: ConnectionWatch) {
        guard connections.removeValue(forKey: ObjectIdentifier(connection)) != nil else { return }
        connection.forgetUnsentBytes()
        if connection.isHealthOnly {
            healthOnly.removeAll { $0 === connection }
            table.removeHealthOnly()
        } else {
            table.remove(connection.address)
        }
    }

    /// A connection beyond the limit takes the place of the one whose client has done nothing for longest; if all are
    /// busy, it may only ask for health.
    private func admit(_ connection: ConnectionWatch) {
        guard let reached = table.reached(adding: connection.address) else { return }
        if let victim = longestWaiting(besides: connection, of: reached == .address ? connection.address : nil) {
            victim.cut()
            if table.reached(adding: connection.address) == nil { return }
        }
        table.countRefused()
        connection.isHealthOnly = true
        healthOnly.append(connection)
        // One stays free, so that whoever comes next is accepted; the oldest has had its time. Never the newcomer: if other
        // loops have the rest, theirs end soon.
        let limit = table.limits.healthConnections
        let isFull = table.addHealthOnly() >= limit || healthOnly.count >= max(2, limit / table.loopCount)
        if isFull, healthOnly.count > 1 { healthOnly.first?.cut() }
    }

    private func longestWaiting(besides newcomer: ConnectionWatch, of address: ClientAddress?) -> ConnectionWatch? {
        var longest: ConnectionWatch?
        for connection in connections.values
        where connection !== newcomer && !connection.isHealthOnly && connection.secondsWaiting > 1
            && (address == nil || connection.address == address)
            && connection.secondsWaiting > longest?.secondsWaiting ?? 0
        {
            longest = connection
        }
        return longest
    }

    /// A connection has a long answer to send: if all that is unsent is too much, those end whose clients have taken
    /// nothing for longest.
    func boundUnsentBytes(for sender: ConnectionWatch) {
        let limit = table.limits.unsentBytes / table.loopCount
        guard unsentBytes > limit else { return }
        // The last look at the others may be a second old.
        for connection in connections.values { connection.updateUnsentBytes() }
        guard unsentBytes > limit else { return }
        let slowest = connections.values.filter { $0.unsentBytes > 0 }
            .sorted { ($0.secondsUnread, $0.unsentBytes) > ($1.secondsUnread, $1.unsentBytes) }
        for connection in slowest where connection !== sender && unsentBytes > limit { connection.cut() }
    }

    private func tickLater() {
        guard !isTicking else { return }
        isTicking = true
        eventLoop.assumeIsolated().scheduleTask(in: .seconds(1)) {
            self.isTicking = false
            for connection in Array(self.connections.values) { connection.tick() }
            if !self.connections.isEmpty { self.tickLater() }
        }
    }
}

internal import EventSourcing
internal import Synchronization

/// The connections that read, each for one thread at a time and for one lead: who connects anew may have another server.
final class ReaderPool: Sendable {
    /// The connections that are kept while nobody reads, at most.
    private static let maxIdle = 4

    private struct State {
        var idle: [Connection] = []
        /// Which lead the idle ones see.
        var epoch: Int64 = 0
        var reading = 0
        var isClosed = false
    }

    private let string: ConnectionString
    private let limit: Duration
    private let state = Mutex(State())

    /// A pool without connections yet.
    init(_ string: ConnectionString, limit: Duration) {
        self.string = string
        self.limit = limit
    }

    /// Lends a connection that sees a lead to `body`. One that was lost while it was idle is replaced once, if `body` had
    /// no row of it.
    ///
    /// - Parameter isWanted: whether what is read is still of use, see ``Connection/isWanted``.
    /// - Throws: `closed`, ``StoreObstacle`` if the server cannot be reached, what `body` throws.
    func read<Value>(
        epoch: Int64, isWanted: @escaping @Sendable () -> Bool, _ body: (Connection) throws -> Value
    ) throws -> Value {
        let idle = try take(epoch)
        defer { state.withLock { $0.reading -= 1 } }
        if let idle {
            idle.isWanted = isWanted
            do {
                return try use(idle, epoch, body)
            } catch ConnectionFailure.lost where !idle.hasAnswered {
                // It is gone: the server was restarted, say.
            }
        }
        let new = try ServerSession.openReader(string, epoch: epoch, within: limit, isWanted: isWanted)
        return try use(new, epoch, body)
    }

    /// Closes all connections, once those that read are done.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.idle = []
        }
        while state.withLock({ $0.reading > 0 }) { Pause.short() }
    }

    private func take(_ epoch: Int64) throws -> Connection? {
        try state.withLock { state in
            guard !state.isClosed else { throw PostgreSQLEventStoreError.closed(string) }
            state.reading += 1
            if epoch > state.epoch {
                state.idle = []
                state.epoch = epoch
            }
            return epoch == state.epoch ? state.idle.popLast() : nil
        }
    }

    private func use<Value>(
        _ connection: Connection, _ epoch: Int64, _ body: (Connection) throws -> Value
    ) throws -> Value {
        connection.hasAnswered = false
        defer {
            if !connection.isLost {
                state.withLock { state in
                    if !state.isClosed, state.epoch == epoch, state.idle.count < Self.maxIdle {
                        state.idle.append(connection)
                    }
                }
            }
        }
        return try body(connection)
    }
}

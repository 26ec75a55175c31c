internal import EventSourcing
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// The lead of a log that an operator's command fills, and the connection that has it.
///
/// Every transaction is fenced as a service's is: whoever was deposed writes nothing more. A thread renews the writer's row
/// while the command is busy elsewhere, such as with reading, so that nobody who stands by takes the lead from a program
/// that works.
final class OfflineLead: Sendable {
    private struct State {
        var lead: Lead
        /// When the last transaction was sent.
        var sentAt: ContinuousClock.Instant
        /// Why nothing more can be written; nil if it can.
        var failure: (any Error)?
        var isEnded = false
    }

    private let string: ConnectionString
    private let connection: Connection
    private let timeouts: Timeouts
    /// Held while the connection is used.
    private let state: Mutex<State>
    private let wakeUp: WakeUp

    /// The lead of a log that was opened; it is renewed until ``release()``.
    ///
    /// - Throws: `unavailable` if the system has no more threads.
    init(of opened: OpenedLog) throws(StoreObstacle) {
        string = opened.string
        connection = opened.connection
        timeouts = opened.timeouts
        state = Mutex(State(lead: opened.lead, sentAt: opened.lead.sentAt))
        wakeUp = opened.wakeUp
        try StoreThread.start { [weak self, wakeUp] in
            while true {
                var polled = wakeUp.polled
                _ = poll(&polled, 1, Lease.touchInterval.pollTimeout)
                guard let self, self.renew() else { return }
            }
        }
    }

    /// How many transactions have written to the log.
    var changes: Int64 { state.withLock { $0.lead.changes } }

    /// Runs statements that read.
    ///
    /// - Throws: as ``write(end:_:)``.
    func run(_ statements: [Statement]) throws -> [Rows] {
        try state.withLock { try run(statements, &$0) }
    }

    /// Runs statements in one fenced transaction.
    ///
    /// - Parameters:
    ///   - end: where the log ends afterwards; nil: where it does.
    ///   - statements: makes them, given the number of the transaction.
    /// - Throws: `locked` if another program has the lead; ``ConnectionFailure``. Then nothing more is written.
    func write(end: UInt64? = nil, _ statements: (_ change: Int64) throws -> [Statement]) throws {
        try state.withLock { state in
            try write(statements(state.lead.changes + 1), end: end ?? state.lead.position, &state)
        }
    }

    /// Gives the lead back.
    func release() throws(ConnectionFailure) {
        wakeUp.wake()
        try state.withLock { state throws(ConnectionFailure) in
            state.isEnded = true
            // What was refused may have left its transaction open.
            if state.failure != nil { _ = try connection.run(Statement("ROLLBACK"), within: timeouts.answer) }
            try state.lead.release(connection, within: timeouts.answer)
        }
    }

    /// Renews the row if nothing else has for a while; gives whether it is to be renewed again.
    private func renew() -> Bool {
        state.withLock { state in
            guard !state.isEnded, state.failure == nil else { return false }
            guard .now - state.sentAt >= Lease.touchInterval else { return true }
            do {
                try write([], end: state.lead.position, &state)
                return true
            } catch {
                // It is kept for the next who writes.
                return false
            }
        }
    }

    private func write(_ statements: [Statement], end: UInt64, _ state: inout State) throws {
        let lead = state.lead
        let fence = Statement(
            "SELECT daybook.advance($1, $2, $3, $4)",
            [.integer(lead.epoch), .integer(lead.changes), .ordinal(lead.position), .ordinal(end)],
            returning: [.int8])
        state.sentAt = .now
        _ = try run([Statement("BEGIN"), fence] + statements + [Statement("COMMIT")], &state) { results in
            // With a warning it may be on this server only.
            guard connection.warnings.isEmpty, results.last?.command == "COMMIT" else {
                throw ConnectionFailure.lost(
                    "it did not confirm a commit: \(connection.warnings.first?.description ?? "no reason was given")")
            }
        }
        state.lead.position = end
        state.lead.changes += 1
    }

    private func run(
        _ statements: [Statement], _ state: inout State, check: (_ results: [Rows]) throws -> Void = { _ in }
    ) throws -> [Rows] {
        if let failure = state.failure { throw failure }
        do {
            let results = try connection.run(statements, within: OfflineSession.limit)
            try check(results)
            return results
        } catch {
            let failure: any Error = isDeposed(state.lead.epoch, by: error) ? takenOver : error
            state.failure = failure
            throw failure
        }
    }

    /// Whether a failure came of another program's having taken the lead: that refuses the fence, or ends the session.
    private func isDeposed(_ epoch: Int64, by error: any Error) -> Bool {
        if case ConnectionFailure.refused(let message, _) = error, message.state == "DB001" { return true }
        do {
            let rows = try ServerSession.open(string, for: .reading, within: timeouts.answer).run(
                Statement("SELECT epoch FROM daybook.writer", returning: [.int8]), within: timeouts.answer)
            return rows.first?.integer(at: 0).map { $0 != epoch } ?? false
        } catch {
            // Then what was met first says more.
            return false
        }
    }

    private var takenOver: PostgreSQLEventStoreError {
        PostgreSQLEventStoreError(
            .locked, "another program has taken over the log in \(string.place): end it, and begin again")
    }
}

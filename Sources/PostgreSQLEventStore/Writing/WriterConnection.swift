internal import EventSourcing

/// The connection that appends, with the lead of the log: both are taken anew if the connection is lost, and with them is
/// found out what became of the transaction that was under way.
struct WriterConnection {
    /// A transaction of which it is not known whether it was recorded.
    private struct Pending {
        let head: LogHead
        let changes: Int64
        let reason: String
    }

    /// The last durable record, as far as is known.
    private(set) var head: LogHead

    private let string: ConnectionString
    private let logID: UniqueID
    private let slots: IndexSlot
    private let timeouts: Timeouts
    private var lead: Lead
    private var connection: Connection?
    private var pending: Pending?
    private var failure: (any Error)?

    /// A connection that leads a log which ends with `head`.
    init(
        _ connection: Connection, _ lead: Lead, head: LogHead, logID: UniqueID, _ slots: IndexSlot,
        _ string: ConnectionString, _ timeouts: Timeouts
    ) {
        self.connection = connection
        self.lead = lead
        self.head = head
        self.logID = logID
        self.slots = slots
        self.string = string
        self.timeouts = timeouts
    }

    /// Reads through the connection: what the transactions so far have written, and no other program's.
    ///
    /// - Throws: ``StoreObstacle``, ``LeadLost``, ``OutcomeUnknown``; `failedEarlier`.
    mutating func read<Value>(_ body: (LogReader) throws -> Value) throws -> Value {
        var hasFailed = false
        while true {
            let connection = try connected()
            do {
                return try body(
                    LogReader(connection: connection, logID: logID, slots: slots, limit: timeouts.answer))
            } catch let error as ConnectionFailure {
                if connection.isLost { self.connection = nil }
                guard connection.isLost, !hasFailed else {
                    throw StoreObstacle(error, at: string)
                        ?? PostgreSQLEventStoreError(.readFailed, "cannot read from \(string.place)", error)
                }
                hasFailed = true
            }
        }
    }

    /// Has a connection, and knows what became of every transaction: so that ``head`` is the log's.
    ///
    /// - Throws: as ``read(_:)``.
    mutating func prepare() throws { _ = try connected() }

    /// Runs statements in one transaction, which is fenced, and durable when the call returns.
    ///
    /// - Parameters:
    ///   - before: the head that the statements follow; nil if they add no records.
    ///   - after: the head of the log afterwards.
    /// - Throws: ``StoreObstacle`` if nothing was recorded; ``LeadLost``; ``OutcomeUnknown``; `failedEarlier`; any other
    ///   error, from then on always.
    mutating func write(_ statements: [Statement], before: LogHead? = nil, after: LogHead? = nil) throws {
        // If the connection is lost and nothing was recorded, the same is tried once more.
        for isLastAttempt in [false, true] {
            let connection = try connected()
            // Only now is it certain what the head is.
            guard before ?? head == head else {
                throw StoreObstacle(.busy, "the log's head has moved; decide again")
            }
            let end = after ?? head
            let transaction = fenced(statements, end: end)
            let reason: String
            do {
                let results = try connection.run(transaction, within: timeouts.commit)
                if connection.warnings.isEmpty, results.last?.command == "COMMIT" { return recorded(end) }
                // With a warning it may be on this server only.
                reason = connection.warnings.first?.description ?? "the server did not confirm the commit"
            } catch {
                if case .refused(let message, let index) = error, index < transaction.count - 1 {
                    throw refused(message, statement: index, connection)
                }
                reason = error.description
            }
            self.connection = nil
            pending = Pending(head: end, changes: lead.changes + 1, reason: reason)
            if try resolve() { return }
            if isLastAttempt {
                throw StoreObstacle(
                    .unavailable, "the database \(string.place) was lost before anything was recorded: \(reason)")
            }
        }
    }

    /// Gives the lead back.
    mutating func close() {
        guard let connection, !connection.isLost else { return }
        do {
            try Lead.unlock(connection, within: timeouts.lock)
        } catch {
            // The lock ends with the connection.
        }
        self.connection = nil
    }

    private func fenced(_ statements: [Statement], end: LogHead) -> [Statement] {
        let fence = Statement(
            "SELECT daybook.advance($1, $2, $3, $4)",
            [.integer(lead.epoch), .integer(lead.changes), .ordinal(head.position), .ordinal(end.position)],
            returning: [.int8])
        return [Statement("BEGIN"), fence] + statements + [Statement("COMMIT")]
    }

    private mutating func recorded(_ end: LogHead) {
        head = end
        lead = Lead(owner: lead.owner, epoch: lead.epoch, position: end.position, changes: lead.changes + 1)
    }

    /// The error that a statement before the commit stands for: nothing was recorded.
    private mutating func refused(_ message: ServerMessage, statement: Int, _ connection: Connection) -> any Error {
        do {
            _ = try connection.run(Statement("ROLLBACK"), within: timeouts.answer)
        } catch {
            self.connection = nil
        }
        let cause = ConnectionFailure.refused(message, statement: statement)
        if message.state == "DB001" { return fail(leadLost) }
        return StoreObstacle(cause, at: string)
            ?? fail(
                PostgreSQLEventStoreError(
                    .writeFailed,
                    "cannot append after position \(head.position) of \(string.place); open the log again",
                    cause))
    }

    private mutating func fail(_ error: any Error) -> any Error {
        failure = error
        return error
    }

    private var leadLost: LeadLost {
        LeadLost("another program has taken over the log in \(string.place): this one appends no more; end it")
    }
}

// MARK: - Connecting again

extension WriterConnection {
    /// The connection; a new one if it was lost.
    private mutating func connected() throws -> Connection {
        if let failure {
            if failure is LeadLost { throw failure }
            throw PostgreSQLEventStoreError(
                .failedEarlier,
                "a write failed earlier, so nothing is written until the log is opened again: \(failure)")
        }
        if pending != nil { _ = try resolve() }
        if let connection, !connection.isLost { return connection }
        do {
            _ = try takeOver()
        } catch let error as ConnectionFailure {
            throw StoreObstacle(error, at: string)
                ?? PostgreSQLEventStoreError(.cannotOpen, "cannot open the log in \(string.place) again", error)
        }
        guard let connection else { throw leadLost }
        return connection
    }

    /// Finds out what became of the pending transaction.
    ///
    /// - Returns: whether it was recorded.
    private mutating func resolve() throws -> Bool {
        guard let pending else { return true }
        let deadline = ContinuousClock.now + timeouts.resolution
        while true {
            do {
                return try takeOver()
            } catch {
                guard error is StoreObstacle || error is ConnectionFailure else { throw error }
                guard .now < deadline else {
                    throw OutcomeUnknown(
                        "whether position \(pending.head.position) of \(string.place) was recorded is unknown: "
                            + "\(pending.reason); then: \(error)")
                }
                Pause.short()
            }
        }
    }

    /// Connects and takes the lead anew. That is also a barrier: what is found afterwards is as durable as commits are.
    ///
    /// - Returns: whether the pending transaction was recorded.
    private mutating func takeOver() throws -> Bool {
        let connection = try ServerSession.open(string, for: .writing, within: timeouts.answer)
        // Whoever holds it may be this store's former connection: what counts is the writer's row.
        _ = try Lead.tryLock(connection, within: timeouts.answer)
        let reader = LogReader(connection: connection, logID: logID, slots: slots, limit: timeouts.answer)
        guard
            let lead = try Lead.take(connection, for: self.lead.owner, onlyIf: self.lead.owner, within: timeouts.commit)
        else {
            return try leave(reader)
        }
        let wasRecorded = lead.changes == pending?.changes
        guard wasRecorded || lead.changes == self.lead.changes,
            lead.position == (wasRecorded ? pending?.head : head)?.position
        else { throw fail(try historyLost(reader)) }
        if wasRecorded, let pending {
            guard try isThere(pending.head, reader) else { throw fail(try historyLost(reader)) }
            head = pending.head
        }
        pending = nil
        self.lead = lead
        self.connection = connection
        return wasRecorded
    }

    /// Another program leads.
    ///
    /// - Returns: true if the pending transaction took place before; whether one without records did is not to be seen.
    private mutating func leave(_ reader: LogReader) throws -> Bool {
        guard try isThere(head, reader) else { throw fail(try historyLost(reader)) }
        failure = leadLost
        guard let pending, pending.head.position > head.position, try isThere(pending.head, reader) else {
            throw leadLost
        }
        recorded(pending.head)
        self.pending = nil
        return true
    }

    /// Whether a head's record stands in the log.
    private func isThere(_ head: LogHead, _ reader: LogReader) throws -> Bool {
        try head.position == 0 || reader.hash(at: head.position) == head.hash
    }

    private func historyLost(_ reader: LogReader) throws -> PostgreSQLEventStoreError {
        let found = try LogTail.position(reader)
        let hash = try reader.hash(at: found).map { "\($0)" } ?? "none"
        return PostgreSQLEventStoreError(
            .historyLost,
            "\(string.place) ends at position \(found) with hash \(hash), but position \(head.position) with hash "
                + "\(head.hash) was acknowledged: a server took over that lacks acknowledged events; bring back the one "
                + "that has them")
    }
}

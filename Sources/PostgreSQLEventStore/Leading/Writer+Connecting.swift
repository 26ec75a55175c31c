internal import EventSourcing

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

extension Writer {
    private static let minPause = Duration.milliseconds(50)
    private static let maxPause = Duration.milliseconds(500)

    /// Tries once to lead by a new connection, and waits a little if it fails.
    func reconnect() {
        do {
            try takeLead()
        } catch {
            guard error is StoreObstacle || error is ConnectionFailure else { return end(error) }
            let writes = line.count { $0.job != nil }
            let what = writes == 0 ? "" : ": whether \(writes) write(s) are recorded is unknown until it can"
            state.lose("\(string.place) cannot be written to (\(error); before: \(loss))\(what)")
            refuseWhatWaitedLong(error)
            pause = min(Self.maxPause, max(Self.minPause, pause * 2))
            rest()
        }
    }

    /// Ends writes that were not sent, but not before those that were begun earlier.
    private func refuseWhatWaitedLong(_ error: any Error) {
        guard !line.contains(where: { $0.job != nil }) else { return }
        let obstacle =
            error as? StoreObstacle
            ?? StoreObstacle(.unavailable, "the database \(string.place) cannot be written to: \(error)")
        while let job = queue.first, job.begun + timeouts.reconnection < .now {
            queue.removeFirst()
            job.completed(.obstructed(obstacle))
        }
    }

    private func rest() {
        let end = ContinuousClock.now + pause
        while !inbox.isClosing, .now < end {
            var polled = inbox.wakeUp.polled
            _ = poll(&polled, 1, (end - .now).pollTimeout)
            queue += inbox.take()
        }
    }

    /// Connects and takes the lead anew. That is also a barrier: what is found afterwards is as durable as commits are.
    private func takeLead() throws {
        let connection = try ServerSession.open(string, for: .writing, within: timeouts.lookup)
        let durability = try Durability.establish(on: connection, string, within: timeouts.lookup)
        // Else what is found out about the writes under way might not stay.
        if let obstacle = durability.obstacle(at: string) { throw obstacle }
        // Whoever holds it may be this store's former connection: what counts is the writer's row.
        let hasLock = try LeadLock.tryTaking(connection, within: timeouts.lookup)
        guard let row = try LeadRow.read(connection, within: timeouts.lookup) else {
            throw PostgreSQLEventStoreError(
                .historyLost,
                "\(string.place) has no log, but position \(head.position) with hash \(head.hash) was acknowledged: bring "
                    + "back the server that has it")
        }
        guard row.owner == lead.owner else { return try leave(connection) }
        guard
            let lead = try Lead.take(
                connection, for: lead.owner, lead.name, from: row, ifIdle: false, hasLock: hasLock,
                within: timeouts.commit)
        else { throw ConnectionFailure.lost("the epoch was raised meanwhile") }
        try settle(lead, durability, connection)
    }

    /// Finds out what of the line is recorded; the rest is decided again.
    private func settle(_ lead: Lead, _ durability: Durability, _ connection: Connection) throws {
        let reader = reader(of: connection, through: lead.position)
        let transactions = line.compactMap(\.transaction)
        let count = lead.changes - self.lead.changes
        guard 0...Int64(transactions.count) ~= count else { throw try historyLost(reader) }
        let end = count == 0 ? head : transactions[Int(count) - 1].end
        guard end.position == lead.position, try isThere(end, reader) else { throw try historyLost(reader) }
        self.lead = lead
        self.connection = connection
        head = end
        sentAt = lead.sentAt
        settingsReadAt = .now
        look(at: durability)
        state.lead(lead, head: head, durability, on: connection)
        completeFirst(Int(count))
        repeatRest()
    }

    /// Completes the transactions that are recorded, and what writes nothing and stands on them.
    private func completeFirst(_ count: Int) {
        var rest = count
        while let first = line.first, first.transaction == nil || rest > 0 {
            if first.transaction != nil { rest -= 1 }
            line.removeFirst()
            complete(first)
        }
    }

    private func repeatRest() {
        let jobs = line.compactMap(\.job)
        line = []
        var again: [WriterJob] = []
        for var job in jobs {
            job.attempts += 1
            if job.attempts < 2 {
                again.append(job)
            } else {
                job.completed(
                    .obstructed(
                        StoreObstacle(
                            .unavailable, "the database \(string.place) was lost before anything was recorded: \(loss)")
                    ))
            }
        }
        queue = again + queue
    }

    /// Another program leads: reports what of the line was recorded before.
    func leave(_ connection: Connection) throws {
        try Barrier.pass(connection, within: timeouts.commit)
        let reader = reader(of: connection, through: try LogTail.position(connection, within: timeouts.lookup))
        guard try isThere(head, reader) else { throw try historyLost(reader) }
        // The head stays until all is known: a connection that is lost meanwhile has this begin again.
        var (recorded, end) = (0, head)
        for transaction in line.compactMap(\.transaction) {
            // Whether one without records took place is not to be seen.
            guard transaction.end.position > end.position, try isThere(transaction.end, reader) else { break }
            end = transaction.end
            if faults.movesHeadBeforeAllIsKnown { head = end }
            recorded += 1
        }
        head = end
        completeFirst(recorded)
        throw LeadLost("another program has taken over the log in \(string.place): this one appends no more")
    }

    private func reader(of connection: Connection, through position: UInt64) -> LogReader {
        LogReader(
            connection: connection, logID: logID, slots: slots, bound: ReadBound(position: position, change: .max),
            limit: timeouts.lookup)
    }

    /// Whether a head's record stands in the log.
    private func isThere(_ head: LogHead, _ reader: LogReader) throws -> Bool {
        try head.position == 0 || reader.hash(at: head.position) == head.hash
    }

    private func historyLost(_ reader: LogReader) throws -> PostgreSQLEventStoreError {
        let found = try LogTail.position(reader.connection, within: reader.limit)
        let hash = try reader.hash(at: found).map { "\($0)" } ?? "none"
        return PostgreSQLEventStoreError(
            .historyLost,
            "\(string.place) ends at position \(found) with hash \(hash), but position \(head.position) with hash "
                + "\(head.hash) was acknowledged: a server took over that lacks acknowledged events; bring back the one "
                + "that has them")
    }
}

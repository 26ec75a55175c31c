internal import EventSourcing

extension Writer {
    /// Sends a transaction behind those before it. Its fence names what they will have written, so that it is recorded only
    /// if they are.
    func send(_ statements: [Statement], end: LogHead? = nil, for job: WriterJob?, _ answer: UnderWay.Answer) {
        guard let connection else { return }
        let (before, now) = (decidedHead, ContinuousClock.now)
        let end = end ?? before
        var all = [Statement("BEGIN"), fence(from: before, to: end)] + statements
        var (settings, lock): (Int?, Int?)
        // Again with the next one, until one that asks for them is recorded.
        if now - settingsReadAt > timeouts.settings, !line.contains(where: { $0.transaction?.settings != nil }) {
            settings = all.count
            all.append(Durability.statement)
        }
        // Not with each: there is a touch only if nothing else is written.
        if job == nil || settings != nil, !lead.hasLock {
            lock = all.count
            all.append(LeadLock.takingLate)
        }
        all.append(Statement("COMMIT"))
        var number: UInt64 = 0
        var failure: ConnectionFailure?
        do {
            number = try connection.send(all)
        } catch {
            failure = error
        }
        line.append(
            UnderWay(
                job: job, answer: answer,
                transaction: UnderWay.Transaction(
                    number: number, sentAt: now, end: end, commit: all.count - 1, settings: settings, lock: lock)))
        sentAt = now
        state.wait(since: line.first { $0.transaction != nil }?.transaction?.sentAt)
        if let failure { lose(failure.description) }
    }

    private func fence(from before: LogHead, to end: LogHead) -> Statement {
        if faults.hasNoFence {
            return Statement(
                "UPDATE daybook.writer SET position = $1, changes = changes + 1 RETURNING changes",
                [.ordinal(end.position)], returning: [.int8])
        }
        return Statement(
            "SELECT daybook.advance($1, $2, $3, $4)",
            [
                .integer(lead.epoch), .integer(nextChange - 1), .ordinal(before.position), .ordinal(end.position),
            ], returning: [.int8])
    }

    /// Renews the lease if nothing else does.
    func touch() {
        guard connection != nil, .now - sentAt >= Lease.touchInterval,
            !line.contains(where: { $0.transaction != nil })
        else { return }
        send([], for: nil, .done)
    }
}

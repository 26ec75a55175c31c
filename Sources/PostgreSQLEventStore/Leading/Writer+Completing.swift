internal import EventSourcing

extension Writer {
    /// Takes in what has come, and reports what became of writes.
    ///
    /// - Returns: whether anything has.
    func progress() -> Bool {
        var hasChanged = takeAnswer()
        while let connection, let first = line.first {
            guard let transaction = first.transaction else {
                line.removeFirst()
                complete(first)
                hasChanged = true
                continue
            }
            do throws(ConnectionFailure) {
                guard let outcome = try connection.take(transaction.number) else {
                    guard .now < transaction.sentAt + timeouts.commit else {
                        throw connection.lose("the server did not confirm a commit in time")
                    }
                    break
                }
                judge(outcome, of: transaction)
            } catch {
                lose(error.description)
            }
            hasChanged = true
        }
        if let connection, line.isEmpty {
            connection.takeIn()
            if let loss = connection.loss { lose(loss) }
        }
        return hasChanged
    }

    /// What became of the first of the line.
    private func judge(_ outcome: Connection.Outcome, of transaction: UnderWay.Transaction) {
        switch outcome.rows {
        case .success(let rows):
            // With a warning it may be on this server only.
            if let warning = outcome.warnings.first, !faults.takesWarningForSuccess {
                return lose("the server warns at the commit: \(warning)")
            }
            guard rows.last?.command == "COMMIT" else { return lose("the server did not confirm the commit") }
            recorded(transaction, rows)
        case .failure(.refused(let message, let index)) where index < transaction.commit:
            refused(message, statement: index)
        case .failure(let failure): lose(failure.description)
        }
    }

    private func recorded(_ transaction: UnderWay.Transaction, _ rows: [Rows]) {
        let first = line.removeFirst()
        head = transaction.end
        lead.position = head.position
        lead.changes += 1
        if let index = transaction.lock, rows[index].command == "UPDATE 1" { lead.hasLock = true }
        if let index = transaction.settings {
            settingsReadAt = transaction.sentAt
            look(at: Durability(rows[index]))
        }
        state.recorded(lead, head: head, sentAt: transaction.sentAt)
        state.wait(since: line.first { $0.transaction != nil }?.transaction?.sentAt)
        complete(first)
    }

    /// The settings may have been changed: what would not stay is not written.
    func look(at durability: Durability) {
        state.note(durability)
        obstacle = durability.obstacle(at: string)
    }

    /// Reports the answer to what is durable, with all before it.
    func complete(_ entry: UnderWay) {
        switch entry.answer {
        case .append(let answers, let batch):
            let records = batch.entries.map(\.record)
            for record in records { recent.add(record) }
            var missed = MissedEvents(recent: recent) { try self.read(until: $0, $1) }
            let results = answers.map { answer in
                switch answer {
                case .ready(let result): result
                case .conflict(let conflicts): missed.answer(conflicts)
                }
            }
            entry.job?.completed(.appended(results: results, records: records))
        case .keep(let isKept): entry.job?.completed(.kept(isKept))
        case .done: entry.job?.completed(.done)
        case .obstructed(let obstacle): entry.job?.completed(.obstructed(obstacle))
        }
    }

    /// A statement before a commit was refused: nothing of the line was recorded, since each stands on the one before it.
    private func refused(_ message: ServerMessage, statement: Int) {
        guard let connection else { return }
        do throws(ConnectionFailure) {
            for entry in line.dropFirst() {
                guard let transaction = entry.transaction else { continue }
                let outcome = try connection.outcome(of: transaction.number, until: .now + timeouts.commit)
                guard case .failure(.refused(_, let index)) = outcome.rows, index < transaction.commit else {
                    throw connection.lose("the server did not refuse what stands on something that it refused")
                }
            }
            _ = try connection.run(Statement("ROLLBACK"), within: timeouts.lookup)
        } catch {
            return lose(error.description)
        }
        streams.removeAll()
        if !faults.decidesOnWhatWasRefused { askAgain() }
        let cause = ConnectionFailure.refused(message, statement: statement)
        if message.state == "DB001" {
            do {
                try leave(connection)
            } catch let failure as ConnectionFailure {
                lose(failure.description)
            } catch {
                end(error)
            }
            return
        }
        guard let obstacle = StoreObstacle(cause, at: string) else {
            return end(
                PostgreSQLEventStoreError(
                    .writeFailed,
                    "cannot append after position \(head.position) of \(string.place); open the log again", cause))
        }
        let jobs = line.compactMap(\.job)
        line = []
        state.wait(since: nil)
        for job in jobs { job.completed(.obstructed(obstacle)) }
    }
}

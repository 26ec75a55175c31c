internal import EventSourcing

extension Writer {
    /// Asks what has to be known before something is decided.
    func ask(_ question: Question) {
        var question = question
        do {
            let asker = try connectedAsker(until: question.deadline)
            question.number = try asker.send([durable.isReached] + statements(of: question))
            self.question = question
        } catch {
            failed(question, error)
        }
    }

    /// Takes the answer, if it has come.
    ///
    /// - Returns: whether it has.
    func takeAnswer() -> Bool {
        guard let question else { return false }
        do {
            guard let asker else { throw ConnectionFailure.lost("the connection was lost") }
            guard let outcome = try asker.take(question.number) else {
                guard .now < question.deadline else { throw asker.lose("the server did not answer in time") }
                return false
            }
            self.question = nil
            let rows = try outcome.rows.get()
            try durable.requireReached(rows.first, asker, string)
            try take(Array(rows.dropFirst()), for: question)
        } catch {
            self.question = nil
            failed(question, error)
        }
        return true
    }

    /// Reads what is durable, over the asker's connection.
    ///
    /// - Parameter deadline: no statement is waited for any longer.
    func read<Value>(until deadline: ContinuousClock.Instant, _ body: (LogReader) throws -> Value) throws -> Value {
        let asker = try connectedAsker(until: deadline)
        let limit = max(.zero, deadline - .now)
        let reader = LogReader(connection: asker, logID: logID, slots: slots, bound: durable, limit: limit)
        return try durable.reading(asker, string, within: limit) { try body(reader) }
    }

    /// Abandons what is being asked: it stands on what was decided before it, and that will not be recorded.
    func askAgain() {
        guard let question else { return }
        queue.insert(question.job, at: 0)
        self.question = nil
        // With the answer that it owes.
        asker = nil
    }

    /// What is known to be durable: whoever lacks it is not asked.
    private var durable: ReadBound { ReadBound(position: head.position, change: lead.changes) }

    private func statements(of question: Question) -> [Statement] {
        // What is under way is not durable yet, but all of it is known to this thread.
        let bound = ReadBound(position: decidedHead.position, change: .max)
        switch question.subject {
        case .keep(let snapshots): return snapshots.map { Snapshots.event(of: $0, slots, bound) }
        case .append:
            var statements: [Statement] = []
            if !question.streams.isEmpty {
                statements.append(StreamQueries.ends(of: question.streams, slots, through: bound.position))
            }
            if !question.keys.isEmpty { statements.append(CommandKeys.find(question.keys, slots, bound)) }
            return statements
        }
    }

    private func connectedAsker(until deadline: ContinuousClock.Instant) throws -> Connection {
        if let asker, !asker.isLost { return asker }
        // The number of what is being asked means nothing to another connection; it is asked again over the next one.
        guard question == nil else { throw ConnectionFailure.lost("the connection was lost") }
        let new = try ServerSession.openReader(string, epoch: lead.epoch, within: timeouts.lookup) { .now < deadline }
        new.isWanted = nil
        asker = new
        return new
    }

    /// Asks once more if the connection was lost; else the write ends without being sent.
    private func failed(_ question: Question, _ error: any Error) {
        if asker?.isLost == true { asker = nil }
        if case ConnectionFailure.lost = error, !question.isRepeated {
            var again = question
            again.isRepeated = true
            again.deadline = .now + timeouts.lookup
            return ask(again)
        }
        // If the server is gone, the write waits for the next one, as those that were sent do.
        connection?.takeIn()
        if let loss = connection?.loss {
            queue.insert(question.job, at: 0)
            return lose(loss)
        }
        if let obstacle = error as? StoreObstacle {
            obstruct(question.job, obstacle)
        } else if let failure = error as? ConnectionFailure {
            let obstacle = StoreObstacle(failure, at: string)
            guard let obstacle else {
                queue.insert(question.job, at: 0)
                return end(
                    PostgreSQLEventStoreError(
                        .readFailed, "cannot read what an append needs from \(string.place)", failure))
            }
            obstruct(question.job, obstacle)
        } else {
            queue.insert(question.job, at: 0)
            end(error)
        }
    }
}

internal import EventSourcing

/// What is asked before a write can be decided.
struct Question {
    /// What it is for.
    enum Subject {
        /// An append, with what is known of its streams and keys already.
        case append([AppendRequest], ends: [StreamID: StreamEnd], keys: [ScopedKey: CommandKeys.Known])
        case keep([Snapshot])
    }

    let job: WriterJob
    let subject: Subject
    /// The streams and keys that are asked for.
    let streams: [StreamID]
    let keys: [ScopedKey]
    /// By which the answer is asked for.
    var number: UInt64 = 0
    var deadline: ContinuousClock.Instant
    /// Whether it was asked before, over a connection that was lost.
    var isRepeated = false
}

extension Writer {
    /// The head after all that was decided.
    var decidedHead: LogHead { line.last { $0.transaction != nil }?.transaction?.end ?? head }

    /// The number of the next transaction.
    var nextChange: Int64 { lead.changes + Int64(line.count { $0.transaction != nil }) + 1 }

    /// Decides what was begun, as far as possible now.
    func work() {
        while connection != nil, question == nil, line.count < Self.maxUnderWay, let job = queue.first {
            if let obstacle {
                queue.removeFirst()
                obstruct(job, obstacle)
                continue
            }
            switch job.write {
            case .append(let requests):
                queue.removeFirst()
                decide(requests, job)
            case .keep(let snapshots):
                // Whether a snapshot is of this history is asked of the database, which must have all before it.
                guard line.isEmpty else { return }
                queue.removeFirst()
                ask(
                    Question(
                        job: job, subject: .keep(snapshots), streams: [], keys: [], deadline: .now + timeouts.lookup))
            case .drop(let stream, let fingerprint, let version):
                queue.removeFirst()
                send([Snapshots.drop(of: stream, fingerprint: fingerprint, version: version)], for: job, .done)
            case .probe:
                queue.removeFirst()
                send([], for: job, .done)
            }
        }
    }

    /// Decides an append if all is known of its streams and keys; else asks for the rest.
    private func decide(_ requests: [AppendRequest], _ job: WriterJob) {
        var ends: [StreamID: StreamEnd] = [:]
        var known: [ScopedKey: CommandKeys.Known] = [:]
        var (missing, keys): (Set<StreamID>, Set<ScopedKey>) = ([], [])
        let batches = line.compactMap(\.batch)
        for request in requests {
            for write in request.writes where ends[write.stream] == nil {
                if let end = streams.end(of: write.stream)
                    ?? batches.last(where: { $0.changedEnd(of: write.stream) != nil })?.changedEnd(of: write.stream)
                {
                    ends[write.stream] = end
                } else {
                    missing.insert(write.stream)
                }
            }
            if let command = request.command, let scope = request.writes.first?.stream,
                1...CommandKey.longestKey ~= command.key.count
            {
                let key = ScopedKey(key: command.key, scope: scope)
                if let decided = batches.lazy.compactMap({ $0.decided[key] }).first {
                    known[key] = decided
                } else {
                    keys.insert(key)
                }
            }
        }
        if missing.isEmpty, keys.isEmpty { return take(requests, job, ends, known) }
        ask(
            Question(
                job: job, subject: .append(requests, ends: ends, keys: known), streams: Array(missing),
                keys: Array(keys), deadline: .now + timeouts.lookup))
    }

    /// Takes the answer to the question.
    func take(_ rows: [Rows], for question: Question) throws {
        switch question.subject {
        case .append(let requests, var ends, var keys):
            var results = rows[...]
            if !question.streams.isEmpty, let rows = results.popFirst() {
                for stream in question.streams { ends[stream] = StreamEnd() }
                for index in 0..<rows.count {
                    guard let (number, end) = StreamQueries.end(rows[index]), question.streams.indices ~= number else {
                        throw PostgreSQLEventStoreError(
                            .damaged, "the end of a stream cannot be read; run verify, or restore a backup")
                    }
                    ends[question.streams[number]] = end
                }
                for stream in question.streams { streams.set(ends[stream, default: StreamEnd()], for: stream) }
            }
            if let rows = results.popFirst() {
                for index in 0..<rows.count {
                    let (key, known) = try CommandKeys.read(rows[index], of: question.keys)
                    keys[key] = known
                }
            }
            take(requests, question.job, ends, keys)
        case .keep(let snapshots):
            let isKept = zip(snapshots, rows).map { Snapshots.isOfHistory($0, $1) }
            let kept = zip(snapshots, isKept).filter(\.1).map { Snapshots.keep($0.0) }
            if kept.isEmpty { return line.append(UnderWay(job: question.job, answer: .keep(isKept), transaction: nil)) }
            send(kept, for: question.job, .keep(isKept))
        }
    }

    /// Ends a write without sending it, when all before it has ended.
    func obstruct(_ job: WriterJob, _ obstacle: StoreObstacle) {
        line.append(UnderWay(job: job, answer: .obstructed(obstacle), transaction: nil))
    }

    private func take(
        _ requests: [AppendRequest], _ job: WriterJob, _ ends: [StreamID: StreamEnd],
        _ keys: [ScopedKey: CommandKeys.Known]
    ) {
        var batch = Batch(after: decidedHead, at: clock(), in: logID, ends: ends, keys: keys)
        let answers = requests.map { batch.answer($0) }
        guard batch.head.position <= IndexSlot.maxPosition else {
            return obstruct(job, StoreObstacle(.full, "the log has as many records as it can have: begin a new one"))
        }
        guard batch.hasChanges else {
            return line.append(UnderWay(job: job, answer: .append(answers, batch), transaction: nil))
        }
        for stream in batch.changedStreams {
            if let end = batch.changedEnd(of: stream) { streams.set(end, for: stream) }
        }
        send(
            BatchInsert.statements(for: batch, slots, change: nextChange), end: batch.head, for: job,
            .append(answers, batch))
    }
}

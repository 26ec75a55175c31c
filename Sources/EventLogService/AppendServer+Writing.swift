internal import EventLogProtocol
internal import EventSourcing
internal import ZeroMQ

extension AppendServer {
    /// Receives the waiting requests as one batch, and has it written.
    ///
    /// - Returns: how many frames there were.
    func takeBatch() -> Int {
        guard let appends, !isClosed, queue.hasRoom || appends.refusal != nil else { return 0 }
        var batch = AppendBatch()
        do {
            try appends.receive(into: &batch)
        } catch {
            socketFailed(error)
        }
        if !batch.requests.isEmpty {
            queue.add(PendingWrite(.append(batch.requests, areChecks: false), for: batch.senders))
        }
        snapshots.add(batch.snapshots)
        beginWrites()
        settleInTime()
        return batch.frames
    }

    /// Begins as many writes as the store takes. One that ends at once makes room for the next, without a call within a call.
    func beginWrites() {
        guard !isBeginning else { return }
        isBeginning = true
        defer { isBeginning = false }
        while ending == nil, !isClosed {
            if availability.obstacle != nil {
                for write in queue.removeWaiting(if: \.changesLog) { obstruct(write) }
            }
            guard let (number, write) = queue.begin() else { break }
            appender.begin(write.ofStore) { self.completed(number, $0) }
        }
        guard ending == nil, !isClosed else { return }
        appends?.isPaused = !queue.hasRoom && appends?.refusal == nil
        flush()
    }

    /// A write has ended: on any thread, perhaps within the call that began it.
    private nonisolated func completed(_ number: UInt64, _ result: StoreWriteResult) {
        if loop.isCurrent {
            assumeIsolated { $0.ended(number, result) }
        } else {
            loop.perform { self.assumeIsolated { $0.ended(number, result) } }
        }
    }

    private func ended(_ number: UInt64, _ result: StoreWriteResult) {
        guard ending == nil, !isClosed else { return }
        do {
            guard queue.end(number, with: result) else { throw ServiceError("the store ended a write twice") }
            while let (write, result) = queue.takeEnded() { try finish(write, with: result) }
        } catch {
            end(by: error)
        }
        resumeStopping()
        beginWrites()
    }

    /// Answers, then publishes.
    private func finish(_ write: PendingWrite, with result: StoreWriteResult) throws {
        switch (write.content, result) {
        case (_, .failed(let error)):
            throw error
        case (.probe, .done):
            availability.wentOn()
        case (_, .obstructed(let obstacle)):
            availability.met(obstacle)
            retryLater()
            obstruct(write)
        case (.append(let requests, _), .appended(let results, let records)):
            answer(requests, write.senders, results, events: records.count)
            try appends?.flush()
            try events?.publish(records)
            if let last = records.last {
                head = LogHead(position: last.position, hash: last.hash, recordedAt: last.recordedAt)
            }
        case (.keep, .kept(let results)):
            for (isKept, sender) in zip(results, write.senders) {
                if isKept { counted.snapshots += 1 }
                appends?.reply(.snapshot(isKept: isKept), to: sender)
            }
        case (.drop, .done):
            for sender in write.senders { appends?.reply(.snapshot(isKept: false), to: sender) }
        default:
            throw ServiceError("the store answered what it was not asked")
        }
    }

    private func answer(
        _ requests: [AppendRequest], _ senders: [RequestSender], _ results: [AppendResult], events: Int
    ) {
        counted.batches += 1
        counted.requests += UInt64(results.count)
        counted.events += UInt64(events)
        // Asked now, after the store decided: whatever it found out stands if it still leads.
        let isCertain = appender.validLease != nil
        for (result, (request, sender)) in zip(results, zip(requests, senders)) {
            guard isCertain || result.isCertain(of: request) else {
                appends?.refuse(.uncertain, sender)
                continue
            }
            if case .conflict = result { counted.conflicts += 1 }
            appends?.answer(result, to: sender)
        }
    }

    func flush() {
        do {
            try appends?.flush()
        } catch {
            end(by: error)
        }
    }
}

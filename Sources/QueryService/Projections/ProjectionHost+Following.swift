internal import EventLogProtocol
internal import EventSourcing
internal import Logging
internal import Synchronization

extension ProjectionHost: HostedProjection {
    var name: String { Model.name }
    var isWindow: Bool { window != nil }

    func begin(after checkpoint: LogCheckpoint) {
        state.withLock { state in
            // What was loaded stays.
            if state.checkpoint != checkpoint { state.reset(to: makeModel(checkpoint.position), after: checkpoint) }
            state.handedOn = checkpoint
        }
    }

    /// Applies records, which are whole appends, or stops at the first that cannot be applied.
    func consume(_ records: [RecordedEvent], head: UInt64) {
        var rest = records[...]
        while !rest.isEmpty {
            let part = rest.wholeAppends(ofAbout: Self.recordsPerLock)
            rest = rest.dropFirst(part.count)
            let woken = state.withLock { state in
                if let last = part.last, isPassedOver(last, head: head, in: state) {
                    state.begin(with: makeModel(last.position), after: last)
                } else {
                    for record in part { apply(record, to: &state) }
                }
                return state.takeReached()
            }
            resume(woken)
        }
    }

    /// Whether a window would have let go of the record, and of all before it, by the time it has come to the head.
    private func isPassedOver(_ record: RecordedEvent, head: UInt64, in state: borrowing State) -> Bool {
        guard let window, state.status.failure == nil, record.position > state.handedOn.position else { return false }
        return record.position + UInt64(window) <= head
    }

    private func apply(_ record: RecordedEvent, to state: inout State) {
        // Its checkpoint may be newer than another projection's, after which the log is followed.
        guard record.position > state.handedOn.position else { return compare(record, &state) }
        guard record.position == state.handedOn.position + 1 else {
            // The follower promises that this is never so. If it is, nothing may be left out in silence.
            return stop(&state, RevisionError(record, "position \(state.handedOn.position + 1) is missing before it"))
        }
        state.handedOn = LogCheckpoint(logID: state.handedOn.logID, position: record.position, hash: record.hash)
        state.rebuild?.add(record)
        guard state.status.failure == nil else { return }
        do throws(RevisionError) {
            try state.model.apply(record)
            state.isWithinAppend = record.continues
            if record.continues { return }
            state.status.position = record.position
            state.checkpoint = state.handedOn
        } catch {
            stop(&state, error)
        }
    }

    /// Looks whether a record that was taken in before is where the checkpoint says, and the end of an append.
    private func compare(_ record: RecordedEvent, _ state: inout State) {
        guard record.position == state.checkpoint.position, state.status.failure == nil else { return }
        guard !record.continues, state.checkpoint.hash == nil || state.checkpoint.hash == record.hash else {
            state.isWithinAppend = true
            let reason = "the checkpoint there is of another history, or inside an append"
            return stop(&state, RevisionError(record, reason))
        }
    }

    private func stop(_ state: inout State, _ error: RevisionError) {
        guard state.status.failure == nil else { return }
        state.status.failure = error
        state.status.isLive = false
        logger.error("a projection stopped", metadata: ["projection": "\(name)", "error": "\(error)"])
    }

    /// Notes how far the follower is.
    func followed(isLive: Bool, at checkpoint: LogCheckpoint, head: UInt64) {
        reportUnreadable()
        let woken = state.withLock { state -> [PositionWaiters.Waiter] in
            if checkpoint.position == state.handedOn.position { state.handedOn = checkpoint }
            if checkpoint.position == state.checkpoint.position { state.checkpoint = checkpoint }
            state.status.head = max(head, state.status.position)
            // One that was loaded from a newer checkpoint than the others' waits until the follower has come there.
            let isThere = checkpoint.position >= state.status.position
            state.status.isLive = isLive && isThere && state.status.failure == nil
            guard state.status.isLive, !state.status.hasCaughtUp else { return [] }
            state.status.hasCaughtUp = true
            logger.info(
                "caught up with the log", metadata: ["projection": "\(name)", "position": "\(state.status.position)"])
            return state.takeReached()
        }
        resume(woken)
    }

    func restart() {
        let model = makeModel(0)
        state.withLock { $0.reset(to: model, after: .beginning) }
    }
}

extension ProjectionHost.State {
    /// Goes on after a record, with nothing of what came before.
    fileprivate mutating func begin(with model: Model, after record: RecordedEvent) {
        self.model = model
        handedOn = LogCheckpoint(logID: handedOn.logID, position: record.position, hash: record.hash)
        checkpoint = handedOn
        status.position = record.position
        isWithinAppend = false
    }

    mutating func reset(to model: Model, after checkpoint: LogCheckpoint) {
        self.model = model
        let (generation, rebuiltPosition) = (status.generation + 1, status.rebuiltPosition)
        status = ProjectionStatus()
        status.generation = generation
        status.rebuiltPosition = rebuiltPosition
        status.position = checkpoint.position
        handedOn = checkpoint
        self.checkpoint = checkpoint
        savedPosition = checkpoint.position
        isWithinAppend = false
    }
}

extension ArraySlice<RecordedEvent> {
    /// About `count` records from the beginning, up to the end of an append.
    fileprivate func wholeAppends(ofAbout count: Int) -> Self {
        var part = prefix(count)
        while part.endIndex < endIndex, let last = part.last, last.continues { part = self[...part.endIndex] }
        return part
    }
}

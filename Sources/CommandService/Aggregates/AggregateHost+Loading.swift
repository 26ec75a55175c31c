internal import EventLogProtocol
internal import EventSourcing
internal import ZeroMQ

/// What the log tells of aggregates: loading them, and whether what is held is the newest.
extension AggregateHost {
    private static var pageLimit: ReadLimit { ReadLimit(events: 2000, bytes: 1 << 20) }

    /// Waits for the end of an append under way.
    ///
    /// - Returns: whether it was committed, so that a decision which stood on it holds.
    func isCommitted(_ ticket: AggregatePipeline<State>.Ticket, _ slot: Slot) async -> Bool {
        // Where it has ended meanwhile, nobody will tell how: the command is decided again.
        guard slot.pipeline?.isPending(ticket) ?? false else { return false }
        return await withCheckedContinuation { slot.wait(for: ticket, $0) }
    }

    /// Asks the log whether the state is its newest, and takes in what is missing.
    func isNewest(_ slot: Slot, isFresh: inout Bool) async throws(Failure) -> Bool {
        guard let (version, last) = slot.pipeline.map({ ($0.confirmed.version, $0.confirmed.lastEvent) }) else {
            return false
        }
        // From the last event on: a log that was restored may have come to the same version with another.
        let slice = try await readStream(slot.stream, after: version > 0 ? version - 1 : 0)
        if slice.version == version, slice.events.last?.event.id == last, slot.pipeline?.confirmed.lastEvent == last {
            return true
        }
        do throws(RevisionError) {
            let isKnown = try slot.pipeline?.learn(slice.events, version: slice.version) ?? false
            if !isKnown { slot.outdate() }
        } catch {
            throw .fault(error.description)
        }
        if slot.knows(slice.version) { isFresh = true }
        return false
    }

    /// Loads the aggregate from the log where it is not in memory; whoever comes meanwhile waits for the same load.
    func load(_ slot: Slot, by deadline: ContinuousClock.Instant) async throws(Failure) {
        while slot.needsLoad {
            guard .now < deadline else { throw Self.tooLate(slot) }
            if slot.isLoading {
                await withCheckedContinuation { slot.waitForLoad($0) }
                continue
            }
            slot.isLoading = true
            defer {
                slot.isLoading = false
                slot.wakeLoadWaiters()
            }
            let timesOutdated = slot.timesOutdated
            let loaded = try await load(slot.stream, by: deadline)
            auditSometimes(loaded.snapshot)
            // What was outdated while it was loaded is loaded anew.
            guard slot.timesOutdated == timesOutdated else { continue }
            let revision = loaded.revision
            slot.snapshotVersion = revision.version
            if slot.pipeline == nil {
                slot.pipeline = AggregatePipeline(at: revision)
            } else {
                slot.pipeline?.restart(at: revision)
                // What was under way is given up; the log may still record it.
                slot.sequence.doubtAll()
                slot.wakeTicketWaiters(committed: nil)
            }
            slot.isLoadedAnew()
        }
    }

    /// Forgets what is held of all aggregates: the log is not what it was.
    func forgetAll() { cache.outdateAll() }

    /// Folds a stream from the log, all of it or up to a version.
    func load(
        _ stream: StreamID, upTo version: UInt64? = nil, by deadline: ContinuousClock.Instant
    ) async throws(Failure) -> LoadedAggregate<State> {
        let loaded: LoadedAggregate<State>
        do throws(AggregateLoadError) {
            // A history without snapshots, as one that was imported, gets them on the way.
            loaded = try await AggregateLoader(client: client, signer: snapshots.signer).load(
                stream, upTo: version ?? .max, usingSnapshots: trustsSnapshots(of: stream), by: deadline
            ) { revision in
                if snapshots.isDue(from: revision.version - 1, to: revision.version) { keepSnapshot(of: revision) }
            }
        } catch {
            switch error {
            case .log(let error): throw .log(Self.harmless(error))
            case .history(let error): throw .fault(error.description)
            }
        }
        if let position = loaded.position { horizon.advance(to: position) }
        if let unbelieved = loaded.unbelieved { replace(unbelieved, after: loaded.revision) }
        // Asked before the load, and maybe found wrong meanwhile.
        guard loaded.snapshot == nil || trustsSnapshots(of: stream) else {
            return try await load(stream, upTo: version, by: deadline)
        }
        return loaded
    }

    // MARK: snapshots

    func takeSnapshotWhereDue(_ revision: Revision<State>, _ slot: Slot) {
        defer { slot.snapshotVersion = revision.version }
        // What is to be loaded anew may have been loaded from a wrong one.
        guard !slot.isOutdated else { return }
        if snapshots.isDue(from: slot.snapshotVersion, to: revision.version) { keepSnapshot(of: revision) }
    }

    func keepSnapshot(of revision: borrowing Revision<State>) {
        guard let snapshot = revision.snapshot else { return }
        snapshots.assumeIsolated { $0.keep(snapshot) }
    }

    /// Puts a right snapshot in the place of one that was not believed, so that the next load finds that.
    private func replace(_ unbelieved: Snapshot, after revision: Revision<State>) {
        snapshots.assumeIsolated { $0.noteUnbelieved(unbelieved) }
        // Those at which one is due were kept on the way. The other versions would be in the way of every later load.
        if unbelieved.version == revision.version {
            keepSnapshot(of: revision)
        } else if !snapshots.isDue(from: unbelieved.version &- 1, to: unbelieved.version) {
            snapshots.assumeIsolated { $0.drop(unbelieved) }
        }
    }

    func trustsSnapshots(of stream: StreamID) -> Bool { snapshots.assumeIsolated { $0.trusts(stream) } }

    func auditSometimes(_ snapshot: Snapshot?) {
        guard let snapshot else { return }
        snapshots.assumeIsolated { keeper in
            keeper.mayAudit(snapshot) { [weak self] in await self?.forget(snapshot.stream) }
        }
    }

    func forget(_ stream: StreamID) { cache.slot(of: stream).outdate() }

    func readStream(_ stream: StreamID, after version: UInt64) async throws(Failure) -> StreamSlice {
        do throws(EventLogError) {
            let slice = try await client.readStream(stream, after: version, limit: Self.pageLimit)
            horizon.advance(over: slice.events)
            return slice
        } catch {
            throw .log(Self.harmless(error))
        }
    }

    /// A read that was not answered has changed nothing.
    static func harmless(_ error: EventLogError) -> EventLogError {
        EventLogError(error.code == .overloaded ? .overloaded : .unavailable, error.reason)
    }
}

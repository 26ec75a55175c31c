internal import EventLogProtocol
internal import EventSourcing
internal import QueryForwarding
internal import ZeroMQ

/// What the machine reads of the log.
extension CommandHost {
    /// Loads the newest state of an aggregate.
    func loadNewest(_ stream: StreamID) async -> Result<Revision<State>, Failure> {
        let result = await load(stream)
        if case .success(let loaded) = result { auditSometimes(loaded.snapshot) }
        return result.map(\.revision)
    }

    /// The aggregate as it was at a version.
    func readRevision(of stream: StreamID, at version: UInt64) async -> Result<Revision<State>, Failure> {
        await load(stream, upTo: version).map(\.revision)
    }

    /// Folds a stream from the log, all of it or up to a version.
    private func load(
        _ stream: StreamID, upTo version: UInt64? = nil
    ) async -> Result<LoadedAggregate<State>, Failure> {
        let deadline = ContinuousClock.now + limits.deadline
        let loaded: LoadedAggregate<State>
        do throws(AggregateLoadError) {
            // A history without snapshots, as one that was imported, gets them on the way.
            loaded = try await AggregateLoader(client: client, signer: snapshots.signer).load(
                stream, upTo: version ?? .max, usingSnapshots: trustsSnapshots(of: stream), by: deadline
            ) { revision in
                if snapshots.policy.isDue(from: revision.version - 1, to: revision.version) {
                    keepSnapshot(of: revision)
                }
            }
        } catch {
            switch error {
            case .log(let error): return .failure(.log(error.asRead))
            case .history(let error): return .failure(.unreadable(error))
            }
        }
        if let position = loaded.position { horizon.advance(to: position) }
        if let unbelieved = loaded.unbelieved { replace(unbelieved, after: loaded.revision) }
        // Asked before the load, and maybe found wrong meanwhile.
        guard loaded.snapshot == nil || trustsSnapshots(of: stream) else {
            return await load(stream, upTo: version)
        }
        return .success(loaded)
    }

    /// The event of a version of a stream; nil if there is none.
    func readEvent(of stream: StreamID, _ version: UInt64) async -> Result<State.Event?, Failure> {
        do throws(EventLogError) {
            let slice = try await client.readStream(stream, after: version - 1, limit: ReadLimit(events: 1))
            horizon.advance(over: slice.events)
            guard let record = slice.events.first else { return .success(nil) }
            do throws(EventDecodingError) {
                let event = try State.Event(
                    type: record.type, schemaVersion: record.event.schemaVersion, data: record.event.data)
                return .success(event)
            } catch {
                return .failure(.unreadable(RevisionError(record, error.description)))
            }
        } catch {
            return .failure(.log(error.asRead))
        }
    }

    /// What was done under a command's key; nil if nothing was.
    func findOutcome(of order: Order) async -> Result<BoundOutcome?, EventLogError> {
        guard let key = order.key else { return .success(nil) }
        do throws(EventLogError) {
            let bound = try await client.outcome(of: key.bytes, in: order.stream)
            if let bound { horizon.advance(to: bound.outcome.commit.position) }
            return .success(bound)
        } catch {
            return .failure(error)
        }
    }

    // MARK: snapshots

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
        } else if !snapshots.policy.isDue(from: unbelieved.version &- 1, to: unbelieved.version) {
            snapshots.assumeIsolated { $0.drop(unbelieved) }
        }
    }

    private func trustsSnapshots(of stream: StreamID) -> Bool { snapshots.assumeIsolated { $0.trusts(stream) } }

    private func auditSometimes(_ snapshot: Snapshot?) {
        guard let snapshot else { return }
        snapshots.assumeIsolated { keeper in
            keeper.mayAudit(snapshot) { [weak self] in await self?.forget(snapshot.stream) }
        }
    }

    private func forget(_ stream: StreamID) { tell { machine, _ in machine.forget(stream) } }
}

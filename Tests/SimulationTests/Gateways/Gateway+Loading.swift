internal import CommandService
internal import EventLogProtocol
internal import EventSourcing

extension Gateway {
    /// Loads the aggregate from the log where it is not in memory; whoever comes meanwhile waits for the same load.
    ///
    /// - Parameter loaded: is called with the answer to give where it could not be loaded.
    func load(_ slot: GatewaySlot, _ loaded: @escaping (Answer?) -> Void) {
        guard slot.needsLoad else { return loaded(nil) }
        guard !slot.isLoading else {
            slot.waitForLoad { [self] in resume { [self] in load(slot, loaded) } }
            return
        }
        slot.isLoading = true
        read(slot.stream, upTo: .max) { [self] result in
            switch result {
            case .success(let revision):
                if slot.pipeline == nil {
                    slot.pipeline = AggregatePipeline(at: revision)
                } else {
                    if slot.pipeline?.isIdle == false { world.saw(.reloadedUnderWay) }
                    slot.pipeline?.restart(at: revision)
                    slot.wakeTicketWaiters(committed: nil)
                }
                slot.isOutdated = false
                slot.isLoading = false
                slot.wakeLoadWaiters()
                load(slot, loaded)
            case .failure(let failure):
                slot.isLoading = false
                slot.wakeLoadWaiters()
                loaded(failure.answer)
            }
        }
    }

    /// Folds a stream from the log, page by page, to its end or up to a version.
    func read(
        _ stream: StreamID, upTo version: UInt64, _ folded: @escaping (Result<Revision<Counter>, ReadFailure>) -> Void
    ) {
        read(from: Revision(of: stream), upTo: version, folded)
    }

    private func read(
        from start: Revision<Counter>, upTo version: UInt64,
        _ folded: @escaping (Result<Revision<Counter>, ReadFailure>) -> Void
    ) {
        readStream(start.stream, after: start.version) { [self] result in
            guard case .success(let slice) = result else { return folded(result.map { _ in start }) }
            var revision = start
            do {
                for record in slice.events where revision.version < version {
                    try revision.apply(record)
                    advanceHorizon(to: record.position)
                }
            } catch {
                return folded(.failure(ReadFailure(.fault("\(error)"))))
            }
            if slice.events.isEmpty || revision.version >= min(slice.version, version) {
                folded(.success(revision))
            } else {
                read(from: revision, upTo: version, folded)
            }
        }
    }

    func readStream(
        _ stream: StreamID, after version: UInt64, _ done: @escaping (Result<StreamSlice, ReadFailure>) -> Void
    ) {
        reads.send(.readStream(stream, after: version, limit: pageLimit)) { [self] result in
            resume {
                switch result {
                case .success(.stream(let slice)): done(.success(slice))
                case .success(let reply): done(.failure(ReadFailure(.fault("a read was answered by \(reply)"))))
                case .failure(let error): done(.failure(ReadFailure(error)))
                }
            }
        }
    }

    /// Asks for what was done under a key.
    func outcome(
        of key: Order.Key, in stream: StreamID, _ done: @escaping (Result<BoundOutcome?, ReadFailure>) -> Void
    ) {
        reads.send(.outcome(key: key.bytes, scope: stream)) { [self] result in
            resume {
                switch result {
                case .success(.outcome(let bound)): done(.success(bound))
                case .success(let reply): done(.failure(ReadFailure(.fault("a read was answered by \(reply)"))))
                case .failure(let error): done(.failure(ReadFailure(error)))
                }
            }
        }
    }
}

/// The answer where the log could not be read.
struct ReadFailure: Error {
    let answer: Answer

    init(_ answer: Answer) { self.answer = answer }

    /// A read that was not answered has changed nothing.
    init(_ error: EventLogError) {
        answer = .failed(error.code == .overloaded ? .overloaded : .unavailable)
    }
}

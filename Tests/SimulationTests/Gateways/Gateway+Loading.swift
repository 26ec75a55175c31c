internal import CommandService
internal import EventLogProtocol
internal import EventSourcing

/// Reads of the log, as `CommandHost` and ``AggregateLoader`` make them.
extension Gateway {
    typealias Failure = CommandFailure<State>

    /// Folds a stream from the log, from a snapshot if there is one, to its end or up to a version.
    func load(
        _ stream: StreamID, upTo version: UInt64, _ done: @escaping (Result<Revision<State>, Failure>) -> Void
    ) {
        let request = LogRequest.loadStream(
            stream, fingerprint: State.snapshotFingerprint, upTo: version, limit: pageLimit)
        ask(request, done) { [self] reply in
            guard case .loaded(let loaded) = reply else { return false }
            var start = Revision<State>(of: stream)
            if let snapshot = loaded.snapshot {
                do throws(CheckpointError) {
                    start = try Revision(snapshot)
                } catch {
                    world.violated(.agreement, "\(error)")
                }
            }
            fold(loaded.slice, on: start, upTo: version, done)
            return true
        }
    }

    private func fold(
        _ slice: StreamSlice, on start: Revision<State>, upTo version: UInt64,
        _ done: @escaping (Result<Revision<State>, Failure>) -> Void
    ) {
        var revision = start
        do throws(RevisionError) {
            for record in slice.events where revision.version < version { try revision.apply(record) }
        } catch {
            return done(.failure(.unreadable(error)))
        }
        guard !slice.events.isEmpty, revision.version < min(slice.version, version) else {
            return done(.success(revision))
        }
        ask(.readStream(start.stream, after: revision.version, limit: pageLimit), done) { [self, revision] reply in
            guard case .stream(let slice) = reply else { return false }
            fold(slice, on: revision, upTo: version, done)
            return true
        }
    }

    /// The event of a version of a stream; nil if there is none.
    func readEvent(
        _ stream: StreamID, _ version: UInt64, _ done: @escaping (Result<State.Event?, Failure>) -> Void
    ) {
        ask(.readStream(stream, after: version - 1, limit: ReadLimit(events: 1)), done) { [referee] reply in
            guard case .stream(let slice) = reply else { return false }
            done(.success(slice.events.first.flatMap { referee.event($0) }))
            return true
        }
    }

    /// What was done under a command's key; nil if nothing was.
    func findOutcome(
        of order: CommandOrder<State>, _ done: @escaping (Result<BoundOutcome?, EventLogError>) -> Void
    ) {
        guard let key = order.key else { return done(.success(nil)) }
        reads.send(.outcome(key: key.bytes, scope: order.stream)) { [world] reply in
            switch reply {
            case .success(.outcome(let bound)): done(.success(bound))
            case .success(let reply): world.violated(.endsOnce, "a look-up is answered by \(reply)")
            case .failure(let error): done(.failure(error))
            }
        }
    }

    /// - Parameter read: takes in the reply; false: it is of another kind.
    private func ask<Value>(
        _ request: LogRequest, _ done: @escaping (Result<Value, Failure>) -> Void,
        _ read: @escaping (LogReply) -> Bool
    ) {
        reads.send(request) { [world] reply in
            switch reply {
            case .success(let reply):
                if !read(reply) { world.violated(.endsOnce, "\(request) is answered by \(reply)") }
            case .failure(let error): done(.failure(.log(error.asRead)))
            }
        }
    }
}

internal import EventSourcing

/// What is looked at when everything has settled.
extension Referee {
    /// Checks the whole history: states at times in the past, and folds that begin with a snapshot.
    func settled(log: ReferenceLog) {
        guard let first = history.records.first, let last = history.records.last else { return }
        // Holds that were placed late expire after the last event.
        let end = Timestamp(microseconds: last.recordedAt.microseconds + .seconds(1))
        for _ in 1...2 {
            travel(
                to: Timestamp(microseconds: world.between(first.recordedAt.microseconds...end.microseconds)), in: log)
        }
        for stream in history.streams.sorted(by: { $0.name < $1.name }) { foldFromSnapshot(stream) }
    }

    /// Compares what was recorded up to a time, seen as of then, with books that know nothing of what came later.
    private func travel(to time: Timestamp, in log: ReferenceLog) {
        let then = history.records.prefix { $0.recordedAt <= time }
        guard then.last.map({ !$0.continues }) ?? true else {
            return world.violated(.whole, "at \(time) the log ends within an append")
        }
        var books = Domain.Books()
        var append: [(StreamID, State.Event)] = []
        for record in then {
            guard let event = event(record) else { return }
            append.append((record.stream, event))
            guard !record.continues else { continue }
            _ = books.take(append, at: record.recordedAt)
            append = []
        }
        for stream in history.streams {
            let version = log.version(of: stream, at: time)
            guard let revision = history.revision(of: stream, version: version),
                let difference = books.difference(to: revision, at: time)
            else { continue }
            world.violated(.agreement, "\(stream) as it was at \(time), at version \(version): \(difference)")
        }
    }

    /// Folds a stream from a snapshot of an earlier version, and compares it with the fold of all its events.
    private func foldFromSnapshot(_ stream: StreamID) {
        let newest = history.version(of: stream)
        let version = world.between(1...newest)
        guard let snapshot = history.revision(of: stream, version: version)?.snapshot else { return }
        do {
            var revision = try Revision<State>(snapshot)
            while let record = history.record(stream, version: revision.version + 1) { try revision.apply(record) }
            world.expect(
                revision == history.revision(of: stream, version: newest), .agreement,
                "\(stream) from the snapshot of version \(version) is another state")
        } catch {
            world.violated(.agreement, "\(stream) from the snapshot of version \(version): \(error)")
        }
    }
}

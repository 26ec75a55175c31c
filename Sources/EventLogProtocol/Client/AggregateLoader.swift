public import EventSourcing

/// Why an aggregate could not be loaded.
public enum AggregateLoadError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The log could not be asked, or did not answer.
    case log(EventLogError)
    /// The history is at fault.
    case history(RevisionError)

    /// One sentence.
    public var description: String {
        switch self {
        case .log(let error): error.description
        case .history(let error): error.description
        }
    }
}

/// An aggregate folded from the log.
public struct LoadedAggregate<State: SnapshottableAggregate>: Sendable {
    /// The aggregate, at the version asked for or the stream's last one.
    public let revision: Revision<State>
    /// The stream's version when it was read.
    public let streamVersion: UInt64
    /// The snapshot that the fold began with; nil where it began with the first event.
    public let snapshot: Snapshot?
    /// The position of the last event that was folded now; nil where there was none.
    public let position: UInt64?
}

/// Folds aggregates from the log: from the nearest snapshot where there is one that can be read, else from the first
/// event. Which of the two makes no difference to the result.
public struct AggregateLoader<State: SnapshottableAggregate>: Sendable {
    private static var pageLimit: ReadLimit { ReadLimit(events: 2000, bytes: 1 << 20) }

    private let client: EventLogClient

    /// A loader that reads through a client.
    public init(client: EventLogClient) { self.client = client }

    /// Folds a stream up to a version, or to its end.
    ///
    /// - Parameters:
    ///   - usingSnapshots: whether the fold may begin with a snapshot.
    ///   - folded: is shown the aggregate after each event that is folded.
    public func load(
        _ stream: StreamID, upTo version: UInt64 = .max, usingSnapshots: Bool = true,
        isolation: isolated (any Actor)? = #isolation, _ folded: (borrowing Revision<State>) -> Void = { _ in }
    ) async throws(AggregateLoadError) -> LoadedAggregate<State> {
        var revision = Revision<State>(of: stream)
        var position: UInt64?
        var snapshot: Snapshot?
        var slice: StreamSlice
        if usingSnapshots {
            let loaded = try await answered { () throws(EventLogError) in
                try await client.loadStream(
                    stream, fingerprint: State.snapshotFingerprint, upTo: version, limit: Self.pageLimit)
            }
            slice = loaded.slice
            if let found = loaded.snapshot {
                do throws(CheckpointError) {
                    revision = try Revision(found)
                    snapshot = found
                } catch {
                    // As if there were none: the events have everything.
                    return try await load(stream, upTo: version, usingSnapshots: false, folded)
                }
            }
        } else {
            slice = try await page(of: stream, after: 0)
        }
        while true {
            do throws(RevisionError) {
                for record in slice.events where revision.version < version {
                    try revision.apply(record)
                    position = record.position
                    folded(revision)
                }
            } catch {
                // Where the events contradict a snapshot, it is the snapshot that is wrong.
                guard snapshot == nil else {
                    return try await load(stream, upTo: version, usingSnapshots: false, folded)
                }
                throw .history(error)
            }
            if slice.events.isEmpty || revision.version >= min(slice.version, version) { break }
            slice = try await page(of: stream, after: revision.version)
        }
        return LoadedAggregate(
            revision: revision, streamVersion: slice.version, snapshot: snapshot, position: position)
    }

    private func page(
        of stream: StreamID, after version: UInt64, isolation: isolated (any Actor)? = #isolation
    ) async throws(AggregateLoadError) -> StreamSlice {
        try await answered { () throws(EventLogError) in
            try await client.readStream(stream, after: version, limit: Self.pageLimit)
        }
    }

    private func answered<Value>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws(EventLogError) -> Value
    ) async throws(AggregateLoadError) -> Value {
        do throws(EventLogError) {
            return try await body()
        } catch {
            throw .log(error)
        }
    }
}

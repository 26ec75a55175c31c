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
    /// The snapshot that the fold began with, as it was signed; nil where it began with the first event.
    public let snapshot: Snapshot?
    /// A snapshot that the log gave and that was not believed, as the log has it; nil: there was none such.
    public let unbelieved: Snapshot?
    /// The position of the last event that was folded now; nil where there was none.
    public let position: UInt64?
}

/// Folds aggregates from the log: from the nearest snapshot where there is one that is believed, else from the first
/// event. Which of the two makes no difference to the result.
///
/// Any peer of the log can keep snapshots there, so only those are believed that were signed with the key.
public struct AggregateLoader<State: SnapshottableAggregate>: Sendable {
    private static var pageLimit: ReadLimit { ReadLimit(events: 2000, bytes: 1 << 20) }

    private let client: EventLogClient
    private let signer: SnapshotSigner<State>

    /// A loader that reads through a client.
    public init(client: EventLogClient, signer: SnapshotSigner<State>) {
        self.client = client
        self.signer = signer
    }

    /// Folds a stream up to a version, or to its end.
    ///
    /// - Parameters:
    ///   - usingSnapshots: whether the fold may begin with a snapshot.
    ///   - deadline: after it nothing more is asked of the log. It is looked at before each request.
    ///   - folded: is shown the aggregate after each event that is folded.
    public func load(
        _ stream: StreamID, upTo version: UInt64 = .max, usingSnapshots: Bool = true,
        by deadline: ContinuousClock.Instant? = nil,
        isolation: isolated (any Actor)? = #isolation, _ folded: (borrowing Revision<State>) -> Void = { _ in }
    ) async throws(AggregateLoadError) -> LoadedAggregate<State> {
        try await load(
            stream, upTo: version, usingSnapshots: usingSnapshots, unbelieved: nil, by: deadline, folded)
    }

    private func load(
        _ stream: StreamID, upTo version: UInt64, usingSnapshots: Bool, unbelieved: Snapshot?,
        by deadline: ContinuousClock.Instant?, isolation: isolated (any Actor)? = #isolation,
        _ folded: (borrowing Revision<State>) -> Void
    ) async throws(AggregateLoadError) -> LoadedAggregate<State> {
        var revision = Revision<State>(of: stream)
        var position: UInt64?
        var snapshot: Snapshot?
        var slice: StreamSlice
        if usingSnapshots {
            let loaded = try await answered { () throws(EventLogError) in
                try await client.loadStream(
                    stream, fingerprint: signer.fingerprint, upTo: version, limit: Self.pageLimit)
            }
            slice = loaded.slice
            if let found = loaded.snapshot {
                guard let believed = try await self.revision(found, of: stream, upTo: version) else {
                    // As if there were none: the events have everything.
                    return try await load(
                        stream, upTo: version, usingSnapshots: false, unbelieved: found, by: deadline, folded)
                }
                revision = believed
                snapshot = found
            }
        } else {
            slice = try await page(of: stream, after: 0, by: deadline)
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
                    return try await load(
                        stream, upTo: version, usingSnapshots: false, unbelieved: snapshot, by: deadline, folded)
                }
                throw .history(error)
            }
            if slice.events.isEmpty || revision.version >= min(slice.version, version) { break }
            slice = try await page(of: stream, after: revision.version, by: deadline)
        }
        return LoadedAggregate(
            revision: revision, streamVersion: slice.version, snapshot: snapshot, unbelieved: unbelieved,
            position: position)
    }

    /// The aggregate as a kept snapshot has it; nil if it is not to be believed.
    private func revision(
        _ kept: Snapshot, of stream: StreamID, upTo version: UInt64, isolation: isolated (any Actor)? = #isolation
    ) async throws(AggregateLoadError) -> Revision<State>? {
        let logID = try await answered { () throws(EventLogError) in try await client.logID() }
        guard kept.stream == stream, kept.version <= version, let snapshot = signer.open(kept, in: logID) else {
            return nil
        }
        do throws(CheckpointError) {
            return try Revision(snapshot)
        } catch {
            return nil
        }
    }

    private func page(
        of stream: StreamID, after version: UInt64, by deadline: ContinuousClock.Instant?,
        isolation: isolated (any Actor)? = #isolation
    ) async throws(AggregateLoadError) -> StreamSlice {
        if let deadline, .now >= deadline {
            throw .log(EventLogError(.unavailable, "\(stream) could not be read by the deadline"))
        }
        return try await answered { () throws(EventLogError) in
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

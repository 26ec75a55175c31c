/// An aggregate as it is after a number of events, with what the log says about them.
public struct Revision<State: Aggregate>: Hashable, Sendable {
    /// The stream.
    public let stream: StreamID
    /// The fold of its events.
    public private(set) var state = State()
    /// How many events were folded; 0: it does not exist.
    public private(set) var version: UInt64 = 0
    /// The id of the last of them.
    public private(set) var lastEvent: UniqueID?
    /// When the first was recorded.
    public private(set) var createdAt: Timestamp?
    /// When the last was recorded.
    public private(set) var updatedAt: Timestamp?

    /// The aggregate before its first event.
    public init(of stream: StreamID) {
        self.stream = stream
    }

    /// An aggregate as it was written down after a number of events.
    ///
    /// - Throws: ``CheckpointError`` for a version that no stream has, and for times in the wrong order.
    package init(
        of stream: StreamID, state: State, version: UInt64, lastEvent: UniqueID, createdAt: Timestamp,
        updatedAt: Timestamp
    ) throws(CheckpointError) {
        guard (1...RecordedEvent.maxOrdinal).contains(version) else {
            throw CheckpointError("no stream has a version \(version)")
        }
        guard createdAt <= updatedAt else {
            throw CheckpointError("\(stream) was changed at \(updatedAt), before it was created at \(createdAt)")
        }
        self.stream = stream
        self.state = state
        self.version = version
        self.lastEvent = lastEvent
        self.createdAt = createdAt
        self.updatedAt = updatedAt
    }

    /// The fold of a history, oldest event first.
    public init(of stream: StreamID, folding history: some Sequence<RecordedEvent>) throws(RevisionError) {
        self.init(of: stream)
        for record in history {
            try apply(record)
        }
    }

    /// What an append of this revision's successors must expect.
    public var expectedVersion: ExpectedVersion { .exactly(version, lastEvent: lastEvent) }

    /// Takes in the next event of the stream. Where it throws, the revision is unchanged.
    public mutating func apply(_ record: RecordedEvent) throws(RevisionError) {
        try apply(next(record), of: record)
    }

    /// Reads the next event of the stream, without taking it in.
    public func next(_ record: RecordedEvent) throws(RevisionError) -> State.Event {
        guard record.stream == stream, record.streamVersion == version + 1 else {
            throw RevisionError(
                record, "expected version \(version + 1) of \(stream), got \(record.streamVersion) of \(record.stream)")
        }
        do {
            return try State.Event(
                type: record.type, schemaVersion: record.event.schemaVersion, data: record.event.data)
        } catch {
            throw RevisionError(record, error.description)
        }
    }

    /// Takes in an event that ``next(_:)`` read from its record. Where it throws, the revision is unchanged.
    public mutating func apply(_ event: State.Event, of record: RecordedEvent) throws(RevisionError) {
        do {
            try apply(event, id: record.event.id, recordedAt: record.recordedAt)
        } catch {
            throw RevisionError(record, error.reason)
        }
    }

    /// Takes in the next event where it is known already: it came from `decide` and is being, or was just, recorded.
    public mutating func apply(
        _ event: State.Event, id: UniqueID, recordedAt: Timestamp
    ) throws(ImpossibleEvent) {
        try state.apply(event)
        version += 1
        lastEvent = id
        if createdAt == nil { createdAt = recordedAt }
        updatedAt = recordedAt
    }

    /// Takes over when the events were recorded, from the same aggregate after the same events.
    public mutating func takeTimes(of other: borrowing Revision) {
        createdAt = other.createdAt
        updatedAt = other.updatedAt
    }
}

/// A record that a fold could not take in: it names the record, so that an operator can look at it.
public struct RevisionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The position of the record.
    public let position: UInt64
    /// The stream it is in.
    public let stream: StreamID
    /// Its version there.
    public let streamVersion: UInt64
    /// When it was recorded.
    public let recordedAt: Timestamp
    /// Why it could not be taken in.
    public let reason: String

    /// An error about a record.
    public init(_ record: RecordedEvent, _ reason: String) {
        position = record.position
        stream = record.stream
        streamVersion = record.streamVersion
        recordedAt = record.recordedAt
        self.reason = reason
    }

    /// An error from its parts, as it was written down.
    package init(
        position: UInt64, stream: StreamID, streamVersion: UInt64, recordedAt: Timestamp, reason: String
    ) {
        self.position = position
        self.stream = stream
        self.streamVersion = streamVersion
        self.recordedAt = recordedAt
        self.reason = reason
    }

    /// One sentence that names position, stream, version and reason.
    public var description: String {
        "cannot apply position \(position) (version \(streamVersion) of \(stream)): \(reason)"
    }
}

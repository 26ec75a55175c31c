internal import EventSourcing
internal import Testing

/// A stream of category `test`.
func stream(_ name: String) throws -> StreamID {
    try #require(StreamID(category: "test", name: name))
}

/// An event with an id of its own.
func event(_ data: String = #"{"amount":"1.00"}"#, metadata: String = "", type: String = "Happened") -> NewEvent {
    NewEvent(
        id: .version7(at: .now()), type: type, schemaVersion: 1, metadata: Array(metadata.utf8), data: Array(data.utf8))
}

/// A number of events.
func events(_ count: Int) -> [NewEvent] {
    (0..<count).map { event(#"{"number":\#($0)}"#) }
}

/// A key with a fingerprint made of one number.
func key(_ text: String, fingerprint: UInt64 = 1, outcome: String = "done") -> CommandKey {
    CommandKey(
        key: Array(text.utf8), fingerprint: Digest256(fingerprint, 0, 0, 0), outcome: Array(outcome.utf8))
}

/// An append to one stream.
func append(
    _ events: [NewEvent], to stream: StreamID, _ expected: ExpectedVersion = .any, under command: CommandKey? = nil
) -> AppendRequest {
    AppendRequest(command: command, writes: [StreamWrite(stream: stream, expected: expected, events: events)])
}

/// Appends so many events to a stream, and gives all that it then has.
@discardableResult
func fill(_ store: any EventStore, _ stream: StreamID, _ count: Int) throws -> [RecordedEvent] {
    try store.commit(append(events(count), to: stream))
    return try store.readStream(stream, after: 0, limit: .everything).events
}

/// A fingerprint made of one number.
func mark(_ fingerprint: UInt64) -> Digest256 { Digest256(fingerprint, 0, 0, 0) }

/// A snapshot of a stream.
func copy(
    of stream: StreamID, at version: UInt64, lastEvent: UniqueID, fingerprint: UInt64 = 1,
    state: [UInt8] = [1, 2, 3]
) -> Snapshot {
    Snapshot(
        stream: stream, version: version, lastEvent: lastEvent, createdAt: Timestamp(microseconds: -7),
        updatedAt: Timestamp(microseconds: 1_767_323_045_678_901), fingerprint: mark(fingerprint), state: state)
}

extension ReadLimit {
    /// More than any check appends.
    static let everything = ReadLimit(events: 1_000_000, bytes: 1 << 40)
}

extension EventStore {
    /// Appends one request and returns its answer.
    func append(_ request: AppendRequest) throws -> AppendResult {
        let (results, _) = try append([request])
        return try #require(results.count == 1 ? results.first : nil)
    }

    /// Appends one request that must be committed.
    @discardableResult
    func commit(_ request: AppendRequest, sourceLocation: SourceLocation = #_sourceLocation) throws -> Commit {
        try #require(try append(request).commit, sourceLocation: sourceLocation)
    }

    /// Appends one request; nil if it does not conflict.
    func conflict(_ request: AppendRequest) throws -> AppendConflict? {
        if case .conflict(let conflict) = try append(request) { conflict } else { nil }
    }

    /// Everything that is in the log.
    func everything() throws -> [RecordedEvent] {
        try readLog(after: 0, limit: .everything)
    }

    /// Expects that `body` leaves no trace in the log.
    func expectUnchanged(sourceLocation: SourceLocation = #_sourceLocation, _ body: () throws -> Void) throws {
        let (head, records) = (try head(), try everything())
        try body()
        #expect(try self.head() == head, sourceLocation: sourceLocation)
        #expect(try everything() == records, sourceLocation: sourceLocation)
    }
}

extension AppendResult {
    /// What was committed, if anything was.
    var commit: Commit? {
        if case .committed(let commit) = self { commit } else { nil }
    }

    /// The first stream in conflict, if it is one.
    var conflict: StreamConflict? {
        if case .conflict(let conflict) = self { conflict.streams.first } else { nil }
    }

    /// Whether the request broke a rule.
    var isInvalid: Bool {
        if case .invalid = self { true } else { false }
    }
}

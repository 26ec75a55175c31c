public import EventSourcing

/// A request to the log, on its append socket (``append(_:)`` and what changes snapshots) or its read socket (all others).
public enum LogRequest: Hashable, Sendable {
    /// Append events to one or more streams, whole or not at all.
    case append(AppendRequest)
    /// Read the log from the record after a position.
    case readLog(after: UInt64, limit: ReadLimit)
    /// Read a stream from the event after a version.
    case readStream(StreamID, after: UInt64, limit: ReadLimit)
    /// Ask for the log's id and head.
    case status
    /// Ask what was done under a key of a stream.
    case outcome(key: [UInt8], scope: StreamID)

    /// Keep a copy of a stream's state.
    case keepSnapshot(Snapshot)
    /// Forget the copy of a stream's state with a fingerprint and version.
    case dropSnapshot(of: StreamID, fingerprint: Digest256, version: UInt64)
    /// Read the newest snapshot of a stream with a fingerprint, at a version or before it, and the events after it.
    case loadStream(StreamID, fingerprint: Digest256, upTo: UInt64, limit: ReadLimit)
    /// Ask how many events of a stream were recorded at a time or before it.
    case streamVersion(of: StreamID, at: Timestamp)

    /// The frame's kind.
    public var kind: FrameKind {
        switch self {
        case .append: .append
        case .readLog: .readLog
        case .readStream: .readStream
        case .status: .status
        case .outcome: .outcome
        case .keepSnapshot: .keepSnapshot
        case .dropSnapshot: .dropSnapshot
        case .loadStream: .loadStream
        case .streamVersion: .streamVersion
        }
    }

    /// Whether it belongs to the append socket.
    public var writes: Bool {
        switch self {
        case .append, .keepSnapshot, .dropSnapshot: true
        case .readLog, .readStream, .status, .outcome, .loadStream, .streamVersion: false
        }
    }

    /// The request as a frame, under the requester's number.
    public func encoded(number: UInt64) -> [UInt8] {
        var writer = WireWriter(capacity: 256)
        RequestHead(kind: kind, number: number).write(to: &writer)
        switch self {
        case .append(let request):
            writer.append(request)
        case .readLog(let position, let limit):
            writer.integer(position)
            writer.limit(limit)
        case .readStream(let stream, let version, let limit):
            writer.stream(stream)
            writer.integer(version)
            writer.limit(limit)
        case .status:
            break
        case .outcome(let key, let scope):
            writer.stream(scope)
            writer.integer(UInt8(key.count))
            writer.raw(key)
        case .keepSnapshot(let snapshot):
            writer.stream(snapshot.stream)
            writer.snapshot(snapshot)
        case .dropSnapshot(let stream, let fingerprint, let version):
            writer.stream(stream)
            writer.digest(fingerprint)
            writer.integer(version)
        case .loadStream(let stream, let fingerprint, let version, let limit):
            writer.stream(stream)
            writer.digest(fingerprint)
            writer.integer(version)
            writer.limit(limit)
        case .streamVersion(let stream, let time):
            writer.stream(stream)
            writer.integer(time.microseconds)
        }
        return writer.bytes
    }

    /// Reads a request and its number from a frame.
    ///
    /// - Throws: ``MalformedFrame`` where the frame does not follow the grammar, or is a reply.
    public static func decode(_ bytes: UnsafeRawBufferPointer) throws(MalformedFrame) -> (LogRequest, number: UInt64) {
        var reader = WireReader(bytes)
        let head = try RequestHead(&reader)
        let request: LogRequest
        switch head.kind {
        case .append:
            request = .append(try reader.append())
        case .readLog:
            request = .readLog(after: try reader.integer(), limit: try reader.limit())
        case .readStream:
            request = .readStream(try reader.stream(), after: try reader.integer(), limit: try reader.limit())
        case .status:
            request = .status
        case .outcome:
            let scope = try reader.stream()
            let key = [UInt8](try reader.slice(Int(reader.integer(UInt8.self))))
            guard !key.isEmpty else { throw MalformedFrame("a command key is empty") }
            request = .outcome(key: key, scope: scope)
        case .keepSnapshot:
            request = .keepSnapshot(try reader.snapshot(of: reader.stream()))
        case .dropSnapshot:
            request = .dropSnapshot(
                of: try reader.stream(), fingerprint: try reader.digest(), version: try reader.ordinal(from: 1))
        case .loadStream:
            request = .loadStream(
                try reader.stream(), fingerprint: try reader.digest(), upTo: try reader.integer(),
                limit: try reader.limit())
        case .streamVersion:
            request = .streamVersion(of: try reader.stream(), at: try reader.timestamp())
        case .snapshotReply, .loadStreamReply, .streamVersionReply, .appendReply, .readLogReply, .readStreamReply,
            .statusReply, .outcomeReply, .refusal:
            throw MalformedFrame("a reply stands where a request is expected")
        }
        try reader.finish()
        return (request, head.number)
    }
}

/// The version that stands for ``ExpectedVersion/any``.
private let anyVersion = UInt64.max

extension WireWriter {
    mutating func stream(_ stream: StreamID) {
        shortText(stream.category)
        shortText(stream.name)
    }

    fileprivate mutating func limit(_ limit: ReadLimit) {
        integer(UInt32(clamping: limit.events))
        integer(UInt32(clamping: limit.bytes))
    }

    fileprivate mutating func append(_ request: AppendRequest) {
        if let command = request.command {
            integer(UInt8(command.key.count))
            raw(command.key)
            digest(command.fingerprint)
            long(command.outcome)
        } else {
            integer(UInt8(0))
        }
        integer(UInt16(request.writes.count))
        for write in request.writes {
            stream(write.stream)
            switch write.expected {
            case .any:
                integer(anyVersion)
                integer(UInt8(0))
            case .exactly(let version, let lastEvent):
                integer(version)
                integer(UInt8(lastEvent == nil ? 0 : 1))
                if let lastEvent { uniqueID(lastEvent) }
            }
            integer(UInt16(write.events.count))
            for event in write.events {
                uniqueID(event.id)
                shortText(event.type)
                integer(event.schemaVersion)
                long(event.metadata)
                long(event.data)
            }
        }
    }
}

extension WireReader {
    fileprivate mutating func limit() throws(MalformedFrame) -> ReadLimit {
        let events = Int(try integer(UInt32.self))
        let bytes = Int(try integer(UInt32.self))
        guard events > 0, bytes > 0 else { throw MalformedFrame("a read limit is 0") }
        return ReadLimit(events: events, bytes: bytes)
    }

    fileprivate mutating func append() throws(MalformedFrame) -> AppendRequest {
        let key = [UInt8](try slice(Int(integer(UInt8.self))))
        let command = key.isEmpty ? nil : CommandKey(key: key, fingerprint: try digest(), outcome: try long())
        let writeCount = try count(UInt16.self, ofAtLeast: 15)
        var writes: [StreamWrite] = []
        writes.reserveCapacity(writeCount)
        for _ in 0..<writeCount {
            let stream = try stream()
            let expected = try expectedVersion()
            let eventCount = try count(UInt16.self, ofAtLeast: 28)
            var events: [NewEvent] = []
            events.reserveCapacity(eventCount)
            for _ in 0..<eventCount {
                events.append(
                    NewEvent(
                        id: try uniqueID(), type: try shortText(), schemaVersion: try integer(), metadata: try long(),
                        data: try long()))
            }
            writes.append(StreamWrite(stream: stream, expected: expected, events: events))
        }
        return AppendRequest(command: command, writes: writes)
    }

    private mutating func expectedVersion() throws(MalformedFrame) -> ExpectedVersion {
        let version = try integer(UInt64.self)
        switch try integer(UInt8.self) {
        case 0: return version == anyVersion ? .any : .exactly(version)
        case 1 where version != anyVersion: return .exactly(version, lastEvent: try uniqueID())
        default: throw MalformedFrame("an expected version has unknown flags")
        }
    }
}

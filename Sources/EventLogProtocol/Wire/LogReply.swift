public import EventSourcing

/// The log's id and the last durable record.
public struct LogStatus: Hashable, Sendable {
    /// The id that the log was given when it was made.
    public let logID: UniqueID
    /// The last durable record.
    public let head: LogHead
    /// Which lead of the log this is: whoever takes the lead has a higher one than all before, at most
    /// ``RecordedEvent/maxOrdinal``. 0: the log counts none.
    public let epoch: UInt64

    /// A status from its parts.
    public init(logID: UniqueID, head: LogHead, epoch: UInt64 = 0) {
        self.logID = logID
        self.head = head
        self.epoch = epoch
    }
}

/// A part of the log, with what the log was when it was read.
public struct LogPage: Hashable, Sendable {
    /// The log's id and head at that moment or just before it.
    public let status: LogStatus
    /// The records, in order of position.
    public let records: [RecordedEvent]

    /// A page from its parts.
    public init(status: LogStatus, records: [RecordedEvent]) {
        self.status = status
        self.records = records
    }
}

/// What was done under a command key, with the fingerprint that bound it.
public struct BoundOutcome: Hashable, Sendable {
    /// The fingerprint of the command that came first under the key.
    public let fingerprint: Digest256
    /// What became of it.
    public let outcome: KeyedOutcome

    /// An outcome from its parts.
    public init(fingerprint: Digest256, outcome: KeyedOutcome) {
        self.fingerprint = fingerprint
        self.outcome = outcome
    }
}

/// A stream from its newest snapshot on.
public struct LoadedStream: Hashable, Sendable {
    /// The snapshot; nil where there is none, so that the events begin with the first.
    public let snapshot: Snapshot?
    /// The events after it.
    public let slice: StreamSlice

    /// A stream from its parts.
    public init(snapshot: Snapshot?, slice: StreamSlice) {
        self.snapshot = snapshot
        self.slice = slice
    }
}

/// Why a service did not obey a request. Nothing was done.
public struct LogRefusal: Error, Hashable, Sendable {
    /// The kind of the reason.
    public enum Code: UInt8, Sendable {
        /// More requests wait than the service takes; send again later.
        case overloaded = 1
        /// The service is stopping.
        case stopping = 2
        /// This socket does not take requests of this kind.
        case unsupported = 3
        /// The store failed.
        case failed = 4
        /// The peer's role does not allow it, or its key was revoked.
        case forbidden = 5
        /// Another log leads, or may lead: whoever was refused asks the next one.
        case notLeader = 6
    }

    /// The kind of the reason.
    public let code: Code
    /// The longest reason in a frame, in bytes.
    static let maxReasonLength = 1000

    /// The reason in words, at most 1,000 bytes; for people.
    public let reason: String

    /// A refusal with its reason.
    public init(_ code: Code, _ reason: String) {
        self.code = code
        self.reason = reason
    }
}

/// The log's answer to a ``LogRequest``.
public enum LogReply: Hashable, Sendable {
    /// The answer to an append.
    case append(AppendResult)
    /// A part of the log.
    case log(LogPage)
    /// A part of a stream.
    case stream(StreamSlice)
    /// The log's id and head.
    case status(LogStatus)
    /// What was done under a key; nil where the key is free.
    case outcome(BoundOutcome?)
    /// Whether a snapshot was kept: false where it is of another history. Also the answer where one was dropped.
    case snapshot(isKept: Bool)
    /// A stream from a snapshot on.
    case loaded(LoadedStream)
    /// How many events a stream had.
    case streamVersion(UInt64)
    /// The request was not obeyed.
    case refusal(LogRefusal)

    /// The frame's kind.
    public var kind: FrameKind {
        switch self {
        case .append: .appendReply
        case .log: .readLogReply
        case .stream: .readStreamReply
        case .status: .statusReply
        case .outcome: .outcomeReply
        case .snapshot: .snapshotReply
        case .loaded: .loadStreamReply
        case .streamVersion: .streamVersionReply
        case .refusal: .refusal
        }
    }

    /// The reply as a frame, under the number of its request; `logID` is the log that its records are of.
    public func encoded(number: UInt64, logID: UniqueID) -> [UInt8] {
        var writer = WireWriter(capacity: capacity)
        RequestHead(kind: kind, number: number, hasEpoch: hasEpoch).write(to: &writer)
        switch self {
        case .append(let result):
            writer.appendResult(result, logID: logID)
        case .log(let page):
            writer.status(page.status)
            writer.records(page.records, in: logID)
        case .stream(let slice):
            writer.integer(slice.version)
            writer.records(slice.events, in: logID)
        case .status(let status):
            writer.status(status)
        case .outcome(let bound):
            writer.integer(UInt8(bound == nil ? 0 : 1))
            if let bound {
                writer.digest(bound.fingerprint)
                writer.keyedOutcome(bound.outcome)
            }
        case .snapshot(let isKept):
            writer.integer(UInt8(isKept ? 1 : 0))
        case .loaded(let loaded):
            writer.integer(UInt8(loaded.snapshot == nil ? 0 : 1))
            if let snapshot = loaded.snapshot {
                writer.stream(snapshot.stream)
                writer.snapshot(snapshot)
            }
            writer.integer(loaded.slice.version)
            writer.records(loaded.slice.events, in: logID)
        case .streamVersion(let version):
            writer.integer(version)
        case .refusal(let refusal):
            writer.integer(refusal.code.rawValue)
            writer.reason(refusal.reason)
        }
        return writer.bytes
    }

    /// Reads a reply and the number of its request from a frame.
    ///
    /// - Throws: ``MalformedFrame`` where the frame does not follow the grammar, or is a request.
    public static func decode(_ bytes: UnsafeRawBufferPointer) throws(MalformedFrame) -> (LogReply, number: UInt64) {
        var reader = WireReader(bytes)
        let head = try RequestHead(&reader)
        let reply: LogReply
        switch head.kind {
        case .appendReply:
            reply = .append(try reader.appendResult())
        case .readLogReply:
            let status = try reader.status(hasEpoch: head.hasEpoch)
            reply = .log(LogPage(status: status, records: try reader.records(in: status.logID)))
        case .readStreamReply:
            let version = try reader.ordinal()
            reply = .stream(StreamSlice(events: try reader.records(), version: version))
        case .statusReply:
            reply = .status(try reader.status(hasEpoch: head.hasEpoch))
        case .outcomeReply:
            reply = .outcome(
                try reader.isPresent()
                    ? BoundOutcome(fingerprint: try reader.digest(), outcome: try reader.keyedOutcome()) : nil)
        case .snapshotReply:
            reply = .snapshot(isKept: try reader.isPresent())
        case .loadStreamReply:
            let snapshot = try reader.isPresent() ? try reader.snapshot(of: reader.stream()) : nil
            let version = try reader.ordinal()
            let slice = StreamSlice(events: try reader.records(), version: version)
            reply = .loaded(LoadedStream(snapshot: snapshot, slice: slice))
        case .streamVersionReply:
            reply = .streamVersion(try reader.ordinal())
        case .refusal:
            guard let code = LogRefusal.Code(rawValue: try reader.integer()) else {
                throw MalformedFrame("a refusal has an unknown code")
            }
            reply = .refusal(LogRefusal(code, try reader.reason()))
        case .append, .keepSnapshot, .dropSnapshot, .readLog, .readStream, .status, .outcome, .loadStream,
            .streamVersion:
            throw MalformedFrame("a request stands where a reply is expected")
        }
        try reader.finish()
        return (reply, head.number)
    }

    /// Whether the frame has the epoch of the lead. A log that counts no leads sends what it always sent.
    private var hasEpoch: Bool {
        switch self {
        case .log(let page): page.status.epoch > 0
        case .status(let status): status.epoch > 0
        case .append, .stream, .outcome, .snapshot, .loaded, .streamVersion, .refusal: false
        }
    }

    private var capacity: Int {
        let records: [RecordedEvent] =
            switch self {
            case .log(let page): page.records
            case .stream(let slice): slice.events
            case .append(.conflict(let conflict)): conflict.streams.flatMap(\.missed)
            case .loaded(let loaded): loaded.slice.events
            case .append, .status, .outcome, .snapshot, .streamVersion, .refusal: []
            }
        return records.reduce(512) { $0 + RecordCoding.size(of: $1) }
    }
}

extension WireWriter {
    mutating func status(_ status: LogStatus) {
        uniqueID(status.logID)
        integer(status.head.position)
        digest(status.head.hash)
        integer(status.head.recordedAt.microseconds)
        if status.epoch > 0 { integer(status.epoch) }
    }

    fileprivate mutating func commit(_ commit: Commit) {
        integer(commit.position)
        integer(commit.recordedAt.microseconds)
        integer(UInt16(commit.streamVersions.count))
        for version in commit.streamVersions { integer(version) }
    }

    fileprivate mutating func keyedOutcome(_ outcome: KeyedOutcome) {
        commit(outcome.commit)
        integer(UInt16(outcome.streams.count))
        for stream in outcome.streams { self.stream(stream) }
        long(outcome.outcome)
    }

    fileprivate mutating func reason(_ reason: String) {
        // Cut between characters, so that what is left is UTF-8.
        var cut = reason
        while cut.utf8.count > LogRefusal.maxReasonLength { cut.removeLast() }
        integer(UInt16(cut.utf8.count))
        raw(cut.utf8)
    }

    fileprivate mutating func appendResult(_ result: AppendResult, logID: UniqueID) {
        switch result {
        case .committed(let commit):
            integer(UInt8(0))
            self.commit(commit)
        case .replayed(let outcome):
            integer(UInt8(1))
            keyedOutcome(outcome)
        case .keyReused:
            integer(UInt8(2))
        case .conflict(let conflict):
            integer(UInt8(3))
            integer(UInt16(conflict.streams.count))
            for stream in conflict.streams {
                integer(UInt16(stream.write))
                self.stream(stream.stream)
                integer(stream.actual)
                records(stream.missed, in: logID)
            }
        case .invalid(let reason):
            integer(UInt8(4))
            self.reason(reason)
        }
    }
}

extension WireReader {
    fileprivate mutating func status(hasEpoch: Bool) throws(MalformedFrame) -> LogStatus {
        LogStatus(
            logID: try uniqueID(),
            head: LogHead(position: try ordinal(), hash: try digest(), recordedAt: try timestamp()),
            epoch: hasEpoch ? try ordinal(from: 1) : 0)
    }

    /// A byte that is 1 where something follows or is so, and 0 where not.
    fileprivate mutating func isPresent() throws(MalformedFrame) -> Bool {
        switch try integer(UInt8.self) {
        case 0: return false
        case 1: return true
        default: throw MalformedFrame("something is neither there nor missing")
        }
    }

    fileprivate mutating func reason() throws(MalformedFrame) -> String {
        let length = Int(try integer(UInt16.self))
        guard length <= LogRefusal.maxReasonLength else { throw MalformedFrame("a reason has \(length) bytes") }
        return try text(length)
    }

    fileprivate mutating func commit() throws(MalformedFrame) -> Commit {
        let position = try ordinal()
        let recordedAt = try timestamp()
        let count = try count(UInt16.self, ofAtLeast: 8)
        var versions: [UInt64] = []
        versions.reserveCapacity(count)
        for _ in 0..<count { versions.append(try ordinal()) }
        return Commit(position: position, recordedAt: recordedAt, streamVersions: versions)
    }

    fileprivate mutating func keyedOutcome() throws(MalformedFrame) -> KeyedOutcome {
        let commit = try commit()
        let count = try count(UInt16.self, ofAtLeast: 4)
        var streams: [StreamID] = []
        streams.reserveCapacity(count)
        for _ in 0..<count { streams.append(try stream()) }
        // Of an outcome that an older log kept, only the first stream is known.
        guard count == commit.streamVersions.count || count == 1 else {
            throw MalformedFrame("an outcome names \(count) streams and \(commit.streamVersions.count) versions")
        }
        return KeyedOutcome(streams: streams, commit: commit, outcome: try long())
    }

    fileprivate mutating func appendResult() throws(MalformedFrame) -> AppendResult {
        switch try integer(UInt8.self) {
        case 0: return .committed(try commit())
        case 1: return .replayed(try keyedOutcome())
        case 2: return .keyReused
        case 3:
            let count = try count(UInt16.self, ofAtLeast: 14)
            guard count > 0 else { throw MalformedFrame("a conflict names no stream") }
            var streams: [StreamConflict] = []
            streams.reserveCapacity(count)
            for _ in 0..<count {
                let write = Int(try integer(UInt16.self))
                guard streams.last.map({ $0.write < write }) ?? true else {
                    throw MalformedFrame("a conflict names its streams out of order")
                }
                streams.append(
                    StreamConflict(write: write, stream: try stream(), actual: try ordinal(), missed: try records()))
            }
            return .conflict(AppendConflict(streams))
        case 4: return .invalid(try reason())
        default: throw MalformedFrame("an append has an unknown result")
        }
    }
}

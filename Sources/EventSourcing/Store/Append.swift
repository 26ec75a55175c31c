/// What an appender believes about a stream; the log refuses the append where it is wrong.
public enum ExpectedVersion: Hashable, Sendable {
    /// Append whatever the stream's version is.
    case any

    /// The stream has exactly this many events (0: it does not exist), and where `lastEvent` is given, the last of
    /// them has that id.
    ///
    /// The id is what lets an appender pipeline: a decision may stand on an event that is sent but not yet
    /// acknowledged. Were that event refused and another appender's recorded in its place, the version alone would
    /// agree; the id does not.
    case exactly(UInt64, lastEvent: UniqueID? = nil)
}

/// The events that an append adds to one stream.
public struct StreamWrite: Hashable, Sendable {
    /// The stream.
    public let stream: StreamID
    /// What the stream must be for the events to be recorded.
    public let expected: ExpectedVersion
    /// The events, in order. None asks only that `expected` holds: the stream was read for what is appended to another, or
    /// for a refusal that is recorded under a key.
    public let events: [NewEvent]

    /// Events for one stream.
    public init(stream: StreamID, expected: ExpectedVersion, events: [NewEvent]) {
        self.stream = stream
        self.expected = expected
        self.events = events
    }
}

/// The key under which a command is obeyed at most once, with what binds it.
public struct CommandKey: Hashable, Sendable {
    /// The longest key, in bytes.
    public static let longestKey = 255
    /// The longest outcome, in bytes.
    public static let longestOutcome = 65_536

    /// 1 to 255 bytes chosen by the client; its scope is the append's first stream.
    public let key: [UInt8]
    /// A digest of the command: the same key with another fingerprint is refused.
    public let fingerprint: Digest256
    /// What the appender wants back when the key comes again: bytes that mean nothing to the log, at most 65,536.
    public let outcome: [UInt8]

    /// A key with the fingerprint of its command and the outcome to keep.
    public init(key: [UInt8], fingerprint: Digest256, outcome: [UInt8]) {
        self.key = key
        self.fingerprint = fingerprint
        self.outcome = outcome
    }
}

/// One append: recorded whole or not at all.
///
/// One without events and without a key is a check: it is committed if all that it expects holds, and records nothing.
public struct AppendRequest: Hashable, Sendable {
    /// The most events of one append, over all its streams: a reader holds at most this many until it has them all.
    public static let maxEvents = 10_000
    /// The most streams of one append.
    public static let maxStreams = 1000

    /// The key that makes it repeatable, if it has one.
    public let command: CommandKey?
    /// One or more streams, each named once.
    public let writes: [StreamWrite]

    /// An append of events to one or more streams.
    public init(command: CommandKey? = nil, writes: [StreamWrite]) {
        self.command = command
        self.writes = writes
    }

    /// Whether it only asks if what it expects holds.
    public var isCheck: Bool { command == nil && writes.allSatisfy(\.events.isEmpty) }
}

/// What an append recorded.
public struct Commit: Hashable, Sendable {
    /// The position of its last event; where it recorded none, the head at that moment.
    public let position: UInt64
    /// When it was recorded.
    public let recordedAt: Timestamp
    /// The version of each of its streams afterwards, in the order of its writes.
    public let streamVersions: [UInt64]

    /// A commit from its parts.
    public init(position: UInt64, recordedAt: Timestamp, streamVersions: [UInt64]) {
        self.position = position
        self.recordedAt = recordedAt
        self.streamVersions = streamVersions
    }
}

/// A command that was executed, or refused, under a key.
public struct KeyedOutcome: Hashable, Sendable {
    /// The streams of its append, in the order of ``Commit/streamVersions``. A log that kept the outcome before it kept these
    /// knows only the first.
    public let streams: [StreamID]
    /// What its append recorded.
    public let commit: Commit
    /// The bytes that the appender left with the key.
    public let outcome: [UInt8]

    /// An outcome from its parts.
    public init(streams: [StreamID], commit: Commit, outcome: [UInt8]) {
        self.streams = streams
        self.commit = commit
        self.outcome = outcome
    }
}

/// Why an append was refused: streams are not at the versions that the appender expected.
public struct AppendConflict: Hashable, Sendable {
    /// Every stream whose expectation does not hold, in the order of the append's writes; at least one.
    public let streams: [StreamConflict]

    /// A conflict from its parts.
    public init(_ streams: [StreamConflict]) {
        self.streams = streams
    }
}

/// A stream that is not at the version that an appender expected.
public struct StreamConflict: Hashable, Sendable {
    /// Which of the append's writes, from 0.
    public let write: Int
    /// The stream.
    public let stream: StreamID
    /// Its version.
    public let actual: UInt64
    /// The events that the appender had not seen, oldest first: those after the expected version, or if the stream
    /// took another course, after the version before it. Cut short if they are many: read the stream for the rest.
    public let missed: [RecordedEvent]

    /// A conflict from its parts.
    public init(write: Int, stream: StreamID, actual: UInt64, missed: [RecordedEvent]) {
        self.write = write
        self.stream = stream
        self.actual = actual
        self.missed = missed
    }
}

/// The log's answer to one append.
public enum AppendResult: Hashable, Sendable {
    /// Recorded and durable.
    case committed(Commit)
    /// The key was known with the same fingerprint: nothing was recorded, this is what happened the first time.
    case replayed(KeyedOutcome)
    /// The key was known with another fingerprint; nothing was recorded.
    case keyReused
    /// A stream was at another version; nothing was recorded.
    case conflict(AppendConflict)
    /// The request breaks a rule of the log, for the reason given; nothing was recorded.
    case invalid(String)
}

public import EventLogProtocol
public import EventSourcing

/// A command with all that its client said about it.
public struct CommandOrder<State: Aggregate>: Sendable {
    /// What is asked for.
    public let command: State.Command
    /// The stream of the aggregate that it is sent to.
    public let stream: StreamID
    /// What the client demands of that aggregate's version.
    public let condition: CommandCondition
    /// The key under which it is executed at most once, scoped to the actor that sends it, if there is one; nil: none.
    public let key: IdempotencyKey?
    /// Who sends it; nil: somebody unknown, who sees everything.
    public let sender: CommandSender?
    /// The metadata of every event that it leads to: a JSON object in UTF-8, or no bytes.
    public let metadata: [UInt8]
    /// What is to be kept with the key if the domain refuses; nil: such a refusal binds no key.
    public let recordOfRefusal: @Sendable (State.Refusal) -> RecordedAnswer?
    /// Whether it must be executed after the commands before it that name the same aggregates and are in sequence, too.
    public let isInSequence: Bool

    /// An order from its parts.
    ///
    /// - Parameter key: as the client gave it.
    public init(
        _ command: State.Command, on stream: StreamID, condition: CommandCondition = .none, key: IdempotencyKey? = nil,
        sender: CommandSender? = nil, metadata: [UInt8] = [], isInSequence: Bool = false,
        recordOfRefusal: @escaping @Sendable (State.Refusal) -> RecordedAnswer?
    ) {
        self.command = command
        self.stream = stream
        self.condition = condition
        self.key = if let actor = sender?.actor { key?.scoped(to: actor) } else { key }
        self.sender = sender
        self.metadata = metadata
        self.isInSequence = isInSequence
        self.recordOfRefusal = recordOfRefusal
    }
}

/// How an order was answered.
public enum CommandAnswer<State: Aggregate>: Sendable {
    /// It was executed: the aggregate after it, and the position of the last event that it recorded, or of the log's head
    /// if it recorded none.
    case executed(Revision<State>, position: UInt64, isReplay: Bool)
    /// It was refused when it first came; this was the answer, at this position of the log.
    case replayedRefusal(status: Int, body: [UInt8], position: UInt64)
}

/// Why an order was not executed.
public enum CommandFailure<State: Aggregate>: Error {
    /// The domain refused it, in the state at this position of the log.
    case refused(State.Refusal, position: UInt64)
    /// The aggregate is not at a version that the client demands, at this position of the log.
    case conditionFailed(actual: UInt64, position: UInt64)
    /// It takes from another aggregate that its sender does not see, at this position of the log.
    case beyondReach(StreamID, position: UInt64)
    /// The key was used for another command.
    case keyReused
    /// The same command is being executed.
    case inProgress
    /// The log could not be asked, or did not answer.
    case log(EventLogError)
    /// An aggregate that it concerns has a record that this program cannot apply.
    case unreadable(RevisionError)
    /// The domain, or the log, is at fault.
    case fault(String)
}

/// When an input of the command machine comes: the machine reads no clock.
public struct CommandMoment: Sendable {
    /// For deadlines and pauses.
    public let instant: ContinuousClock.Instant
    /// For decisions and the ids of events.
    public let time: Timestamp

    /// A moment from both clocks.
    public init(instant: ContinuousClock.Instant, time: Timestamp) {
        self.instant = instant
        self.time = time
    }
}

public import Access
public import EventSourcing
public import JSON
public import ServiceSupport

/// What the command service must know of a domain: how its commands come in over HTTP and how its state goes out.
public protocol CommandDomain: Sendable {
    /// What commands change.
    associatedtype State: SnapshottableAggregate

    /// The path under which the aggregates stand: `accounts` for `/accounts/{id}`.
    var collection: String { get }

    /// Further paths whose queries are forwarded as they come, such as `/events`, with what they need.
    var forwardedPaths: [(path: String, permission: Permission)] { get }

    /// What can be asked of one aggregate beside itself: `events` for `/accounts/{id}/events`.
    var forwardedParts: [String] { get }

    /// Those of them that answer with a feed whoever accepts one.
    var feedPaths: Set<String> { get }

    /// The most bytes that a command's body may have.
    var largestBody: Int { get }

    /// The stream of the aggregate with an id.
    ///
    /// - Throws: ``Problem`` 400 where nothing can have this id.
    func stream(of id: String) throws(Problem) -> StreamID

    /// Reads a command from a request's body.
    ///
    /// - Throws: ``Problem`` 400 or 413 where it is no command.
    func command(from body: [UInt8]) throws(Problem) -> State.Command

    /// Reads a line of many commands: a command with the id of its aggregate, and if wanted a key, a version, a correlation
    /// and a causation id beside.
    ///
    /// - Throws: ``Problem`` 400 where it is no such line.
    func bulkCommand(from line: [UInt8]) throws(Problem) -> BulkCommand<State.Command>

    /// What the aggregate is called in the answer to a line: `account`.
    var memberName: String { get }

    /// The same bytes for every way of writing the same command, and others for another: what binds an idempotency
    /// key. They must never change, for the log keeps their digest for ever.
    func canonicalBytes(of command: State.Command) -> [UInt8]

    /// What whoever sends the command needs: ``Access/Permission/move`` or more, which was asked for before it was read.
    func permission(for command: State.Command) -> Permission

    /// Whether the command makes the aggregate that it is sent to, so that obeying it is answered with 201.
    func isCreation(_ command: State.Command) -> Bool

    /// Writes the aggregate as the client of a command that was obeyed sees it, amounts in a form.
    ///
    /// - Parameters:
    ///   - revision: the aggregate after the command, as of the time of its last event; a replay writes the same again.
    ///   - command: what it answers, for what only the answer to a command tells, such as the id of what it made.
    func write(
        _ revision: Revision<State>, answering command: State.Command, to writer: inout JSONWriter,
        amounts form: DecimalForm)

    /// Whether a refused command was malformed, as an amount with more fractional digits than the currency has: then the
    /// refusal binds no key.
    func isMalformed(_ refusal: State.Refusal) -> Bool

    /// The members of refusals that hold amounts.
    var amountMembers: Set<String> { get }

    /// What a client is told of a refusal, with amounts as numbers; of an aggregate that it does not see nothing but that.
    func problem(for refusal: State.Refusal, of stream: StreamID, to sender: CommandSender?) -> Problem

    /// What a client is told if an aggregate that its command concerns has a record that this program cannot apply; of one that
    /// it does not see nothing but that.
    func problem(forUnreadable error: RevisionError, to sender: CommandSender?) -> Problem

    /// What a client is told of an aggregate that it does not see: the same as of one that does not exist.
    func problem(forUnseen stream: StreamID) -> Problem
}

extension CommandDomain {
    /// No command that could be read is malformed.
    public func isMalformed(_ refusal: State.Refusal) -> Bool { false }

    /// What is kept with a key of a refused command; nil: nothing, and the key stays free.
    func record(of refusal: State.Refusal, on stream: StreamID, for sender: CommandSender?) -> RecordedAnswer? {
        isMalformed(refusal) ? nil : RecordedAnswer(problem(for: refusal, of: stream, to: sender))
    }
}

/// One of many commands that are sent at once.
public struct BulkCommand<Command: Sendable>: Sendable {
    /// The aggregate's id.
    public let id: String
    /// The command.
    public let command: Command
    /// The key under which it is obeyed once, as it was given.
    public let key: String?
    /// The version that the aggregate must have.
    public let version: UInt64?
    /// What the command belongs to, if the line says so itself, as it was given.
    public let correlationID: String?
    /// What the command was sent because of, if the line says so itself, as it was given.
    public let causationID: String?

    /// A command from its parts.
    public init(
        id: String, command: Command, key: String?, version: UInt64?, correlationID: String? = nil,
        causationID: String? = nil
    ) {
        self.id = id
        self.command = command
        self.key = key
        self.version = version
        self.correlationID = correlationID
        self.causationID = causationID
    }
}

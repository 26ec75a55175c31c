public import EventSourcing
public import JSON
public import ServiceSupport

/// What the command service must know of a domain: how its commands come in over HTTP and how its state goes out.
public protocol CommandDomain: Sendable {
    /// What commands change.
    associatedtype State: SnapshottableAggregate

    /// The path under which the aggregates stand: `accounts` for `/accounts/{id}`.
    var collection: String { get }

    /// Further paths whose queries are forwarded as they come, such as `/events`.
    var forwardedPaths: [String] { get }

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

    /// Reads a line of many commands: a command with the id of its aggregate and where wanted a key and a version beside.
    ///
    /// - Throws: ``Problem`` 400 where it is no such line.
    func bulkCommand(from line: [UInt8]) throws(Problem) -> BulkCommand<State.Command>

    /// What the aggregate is called in the answer to a line: `account`.
    var memberName: String { get }

    /// The same bytes for every way of writing the same command, and others for another: what binds an idempotency
    /// key. They must never change, for the log keeps their digest for ever.
    func canonicalBytes(of command: State.Command) -> [UInt8]

    /// Whether the command makes the aggregate that it is sent to, so that obeying it is answered with 201.
    func isCreation(_ command: State.Command) -> Bool

    /// Writes the aggregate as clients see it, amounts in a form.
    func write(_ revision: Revision<State>, to writer: inout JSONWriter, amounts form: DecimalForm)

    /// Whether a refused command was malformed, as an amount with more fractional digits than the currency has: then the
    /// refusal binds no key.
    func isMalformed(_ refusal: State.Refusal) -> Bool

    /// The members of refusals that hold amounts.
    var amountMembers: Set<String> { get }

    /// What a client is told of a refusal, with amounts as numbers.
    func problem(for refusal: State.Refusal, of stream: StreamID) -> Problem

    /// What a client is told if an aggregate that its command concerns has a record that this program cannot apply.
    func problem(forUnreadable error: RevisionError) -> Problem
}

extension CommandDomain {
    /// No command that could be read is malformed.
    public func isMalformed(_ refusal: State.Refusal) -> Bool { false }

    /// What is kept with a key of a refused command; nil: nothing, and the key stays free.
    func record(of refusal: State.Refusal, on stream: StreamID) -> RecordedAnswer? {
        isMalformed(refusal) ? nil : RecordedAnswer(problem(for: refusal, of: stream))
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

    /// A command from its parts.
    public init(id: String, command: Command, key: String?, version: UInt64?) {
        self.id = id
        self.command = command
        self.key = key
        self.version = version
    }
}

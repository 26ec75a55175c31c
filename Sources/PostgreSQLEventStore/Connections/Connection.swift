internal import CPostgreSQL
internal import EventStoreRules

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// One connection to a server, in libpq's pipeline mode: many statements make one round trip, and more can be sent before
/// the first are answered.
///
/// Never blocks for longer than the limit it is given: its socket is polled.
///
/// `@unchecked Sendable`, since libpq wants one thread at a time and not always the same: the writer's connections belong
/// to its thread, and a reader takes one out of ``ReaderPool``, where nobody else finds it.
final class Connection: @unchecked Sendable {
    /// What became of statements that were sent together.
    struct Outcome {
        /// The rows of each, or what the first of them met that did not succeed.
        let rows: Result<[Rows], ConnectionFailure>
        /// The warnings that came with them.
        let warnings: [ServerMessage]
    }

    /// How often is asked whether an answer is still of use.
    static let wantedInterval = Duration.milliseconds(500)
    /// Why it is lost if not.
    static let unwanted = "the server did not answer while the answer was of use"

    let connection: OpaquePointer
    let notices = ServerNotices()
    /// The names of the statements that are prepared, by their text.
    var names: [String: String] = [:]
    /// How many statements were given a name.
    var named = 0
    /// What was sent and is not answered yet, oldest first.
    var exchanges: [Exchange] = []
    var sent: UInt64 = 0
    /// What was answered, and nobody has taken yet.
    var outcomes: [UInt64: Outcome] = [:]
    /// Why the connection is of no use any more; nil if it is.
    var loss: String?
    /// Whether bytes wait for the socket to take them.
    var isSending = false
    /// Whether it has answered since its user set this to false.
    var hasAnswered = false
    /// Whether what it is asked for is still of use; asked twice a second while it is connected, or an answer is waited for.
    /// nil: always.
    var isWanted: (@Sendable () -> Bool)?
    /// The warnings that came with the last ``run(_:within:)``.
    private(set) var warnings: [ServerMessage] = []

    /// Connects to the first host that answers and is as the string demands.
    init(_ string: ConnectionString, isWanted: (@Sendable () -> Bool)? = nil) throws(ConnectionFailure) {
        connection = try ConnectionRace.winner(of: string, isWanted: isWanted)
        self.isWanted = isWanted
        notices.receive(from: connection)
        guard PQsetnonblocking(connection, 1) == 0, PQenterPipelineMode(connection) == 1 else { throw .lost(reason) }
    }

    deinit { PQfinish(connection) }

    /// The server's version, such as 150004.
    var serverVersion: Int { Int(PQserverVersion(connection)) }

    /// A setting that the server reports to every client; nil if it does not.
    func parameter(_ name: String) -> String? {
        PQparameterStatus(connection, name).map { String(cString: $0).printable }
    }

    /// Whether the connection is of no use any more.
    var isLost: Bool { loss != nil }

    /// The socket and what to poll it for, while answers are waited for.
    var polled: pollfd {
        pollfd(fd: PQsocket(connection), events: Int16(isSending ? POLLIN | POLLOUT : POLLIN), revents: 0)
    }

    /// Runs statements, in one round trip. If one is refused, those after it are not run.
    ///
    /// Without `BEGIN` and `COMMIT` they are one transaction.
    ///
    /// - Returns: the rows of each.
    func run(_ statements: [Statement], within limit: Duration) throws(ConnectionFailure) -> [Rows] {
        let outcome = try outcome(of: send(statements), until: .now + limit)
        warnings = outcome.warnings
        return try outcome.rows.get()
    }

    /// Runs one statement.
    func run(_ statement: Statement, within limit: Duration) throws(ConnectionFailure) -> Rows {
        let rows = try run([statement], within: limit)
        guard let first = rows.first else { throw .unexpected("no result") }
        return first
    }

    /// Waits for the answer to what was sent under a number.
    func outcome(of number: UInt64, until deadline: ContinuousClock.Instant) throws(ConnectionFailure) -> Outcome {
        while true {
            if let outcome = try take(number) { return outcome }
            let rest = deadline - .now
            guard rest > .zero else { throw lose("the server did not answer in time") }
            var polled = polled
            let pause = isWanted == nil ? rest : min(rest, Self.wantedInterval)
            let count = poll(&polled, 1, pause.pollTimeout)
            if count < 0, errno != EINTR { throw lose("the connection cannot be polled") }
            if count == 0, isWanted?() == false { throw lose(Self.unwanted) }
        }
    }

    /// Marks the connection as lost.
    func lose(_ reason: String) -> ConnectionFailure {
        loss = loss ?? reason
        return .lost(loss ?? reason)
    }

    var reason: String {
        let message = String(cString: PQerrorMessage(connection)).joinedLines
        return message.isEmpty ? "the connection to the server was lost" : message.printable
    }
}

extension Duration {
    /// The same for `poll`: rounded up, so that nothing is polled again and again just before it is due.
    var pollTimeout: Int32 {
        let milliseconds = components.seconds &* 1000 + components.attoseconds / 1_000_000_000_000_000
        return Int32(clamping: max(0, milliseconds) + 1)
    }
}

public import EventSourcing
internal import EventStoreRules
internal import Synchronization

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Opens a log in a PostgreSQL database as soon as it is this program's turn to lead it. Keeps its connection between the
/// attempts.
public final class PostgreSQLOpening: StoreOpening {
    private struct State {
        var connection: Connection?
        var takeover = Takeover()
    }

    private enum Turn {
        case taken(OpenedLog, quietFor: Duration)
        /// Another program leads: which one, in one sentence.
        case led(String)
        /// It is this program's turn soon.
        case soon(String)
    }

    private let string: ConnectionString
    private let standby: Bool
    private let clock: @Sendable () -> Timestamp
    private let timeouts: Timeouts
    private let faults: Faults
    private let owner: UniqueID
    private let newID: UniqueID?
    private let state = Mutex(State())

    /// An opening that has not tried yet.
    ///
    /// - Parameters:
    ///   - connectionString: any of libpq's: a URI, also with several hosts, or keywords and values.
    ///   - standby: whether this program waits for its turn if another one leads the log; else that is an error.
    ///   - clock: the time of records; one that is set back makes no record older than the one before it.
    /// - Throws: `cannotOpen` if the string cannot be read.
    public convenience init(
        _ connectionString: String, standby: Bool, clock: @escaping @Sendable () -> Timestamp = Timestamp.now
    ) throws {
        try self.init(connectionString, standby: standby, clock: clock, timeouts: Timeouts())
    }

    /// An opening with timeouts of its own.
    ///
    /// - Parameter newID: the id that a new log gets; nil: one that no other log has.
    init(
        _ connectionString: String, standby: Bool, clock: @escaping @Sendable () -> Timestamp = Timestamp.now,
        timeouts: Timeouts, faults: Faults = Faults(), newID: UniqueID? = nil
    ) throws {
        string = try ConnectionString(connectionString)
        self.standby = standby
        self.clock = clock
        self.timeouts = timeouts
        self.faults = faults
        owner = UniqueID.version7(at: clock())
        self.newID = newID
    }

    /// Tries once, and makes the log if there is none; if it does not stand by, until a program that has just ended is gone.
    ///
    /// - Throws: ``StoreObstacle`` if the server cannot be reached or takes no writes, if another program leads, or if the
    ///   system has no more descriptors or threads. Else
    ///   ``PostgreSQLEventStoreError``: `cannotOpen`; `locked`; `unsuitable`, `foreignSchema` and `newerSchema`, with the
    ///   database left as it was; `notDurable`; `damaged` if the end of the log is not what was written.
    public func attempt() throws -> any EventStore { try PostgreSQLEventStore(try opened()) }

    /// Ends the connection, if it is not the store's.
    public func close() { state.withLock { $0.connection = nil } }

    /// A log whose lead was taken, and whose former leader does not answer any more.
    func opened() throws -> OpenedLog {
        let deadline = ContinuousClock.now + timeouts.lock
        while true {
            switch try turn() {
            case .taken(let opened, let quiet):
                Pause.until(opened.lead.sentAt + quiet)
                return opened
            case .led(let sentence):
                if standby { throw StoreObstacle(.standby, sentence) }
                guard .now < deadline else {
                    throw PostgreSQLEventStoreError(.locked, "\(sentence): end it, or use another database")
                }
            case .soon(let sentence):
                if standby { throw StoreObstacle(.standby, sentence) }
            }
            Pause.short()
        }
    }

    private func turn() throws -> Turn {
        try state.withLock { state in
            // Whatever it meets, the next attempt begins with a new connection; unless it only is not its turn.
            let kept = state.connection
            state.connection = nil
            do {
                let connection =
                    try kept.flatMap { $0.isLost ? nil : $0 }
                    ?? ServerSession.open(string, for: .writing, within: timeouts.lookup)
                let turn = try turn(by: connection, &state.takeover)
                if case .taken = turn { return turn }
                state.connection = connection
                return turn
            } catch let failure as ConnectionFailure {
                throw StoreObstacle(failure, at: string)
                    ?? PostgreSQLEventStoreError(.cannotOpen, "cannot open the log in \(string.place)", failure)
            }
        }
    }

    private func turn(by connection: Connection, _ takeover: inout Takeover) throws -> Turn {
        let durability = try Durability.establish(on: connection, string, within: timeouts.lookup)
        if let problem = durability.problem(at: string) { throw PostgreSQLEventStoreError(.notDurable, problem) }
        var hasLock = try LeadLock.tryTaking(connection, within: timeouts.lookup)
        var identity: Schema.Identity?
        if hasLock { identity = try schema(of: connection) }
        guard let row = try LeadRow.read(connection, within: timeouts.lookup) else {
            guard !hasLock else {
                throw PostgreSQLEventStoreError(
                    .damaged, "\(string.place) has lost the row of its writer, in daybook.writer: restore a backup")
            }
            return .led("another program is making the log in \(string.place)")
        }
        var quiet = Duration.zero
        switch takeover.step(row, hasLock: hasLock) {
        case .take(let duration): quiet = duration
        case .wait:
            let leader = "\(row.leader.printable) leads the log in \(string.place) since \(row.since)"
            guard hasLock else { return .led(leader) }
            try LeadLock.release(connection, within: timeouts.lookup)
            return .soon("\(leader) and may be connecting anew")
        case .endHolder:
            hasLock = try takeLockOfHolder(connection)
            identity =
                try hasLock
                ? schema(of: connection) : Schema.find(connection, string, within: timeouts.answer)
        }
        if faults.hasNoBarrier {
            _ = try connection.run(
                ServerSession.set("synchronous_commit", to: "local"), within: timeouts.lookup)
        }
        guard let known = identity else {
            return .led(
                "the log in \(string.place) is of an older Daybook, and a program has its lock that cannot be ended")
        }
        let wakeUp = try WakeUp()
        guard
            let lead = try Lead.take(
                connection, for: owner, Self.name, from: row, ifIdle: true, hasLock: hasLock, within: timeouts.commit)
        else {
            if hasLock { try LeadLock.release(connection, within: timeouts.lookup) }
            return .soon("the lead of the log in \(string.place) was taken, or used, meanwhile")
        }
        if faults.hasNoBarrier {
            // What is written later waits for the standby as ever.
            _ = try connection.run(ServerSession.set("synchronous_commit", to: "on"), within: timeouts.lookup)
        }
        let reader = LogReader(
            connection: connection, logID: known.logID, slots: IndexSlot(salt: known.salt),
            bound: ReadBound(position: lead.position, change: .max), limit: timeouts.answer)
        return .taken(
            OpenedLog(
                string: string, timeouts: timeouts, faults: faults, clock: clock, connection: connection,
                identity: known, lead: lead, head: try LogTail.load(reader, at: lead.position),
                durability: durability, wakeUp: wakeUp),
            quietFor: quiet)
    }

    /// Has the session end that holds the lock, and takes it.
    ///
    /// - Returns: whether it was taken. The fence makes it safe to do without.
    private func takeLockOfHolder(_ connection: Connection) throws(ConnectionFailure) -> Bool {
        do throws(ConnectionFailure) {
            try LeadLock.endHolder(connection, within: timeouts.lookup)
        } catch {
            // The session is of another role.
            guard case .refused = error else { throw error }
            return try LeadLock.tryTaking(connection, within: timeouts.lookup)
        }
        // The session's end takes a moment.
        let deadline = ContinuousClock.now + timeouts.lock
        while true {
            if try LeadLock.tryTaking(connection, within: timeouts.lookup) { return true }
            guard .now < deadline else { return false }
            Pause.short()
        }
    }

    private func schema(of connection: Connection) throws -> Schema.Identity {
        try Schema.open(connection, at: clock(), newID: newID, string, within: timeouts.answer)
    }

    /// This program, for people.
    private static var name: String {
        var bytes = [CChar](repeating: 0, count: 256)
        let isKnown = gethostname(&bytes, bytes.count - 1) == 0
        let text = String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let host = isKnown ? text : "a program"
        return "\(host.printable) (process \(getpid()))"
    }
}

internal import CPostgreSQL
internal import EventStoreRules

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// One connection to a server, in libpq's pipeline mode: many statements make one round trip.
///
/// Never blocks for longer than it is told to: its socket is polled.
///
/// `@unchecked Sendable`, since libpq wants one thread at a time and not always the same: the writer has its connection
/// behind a lock, and a reader takes one out of ``ReaderPool``, where nobody else finds it.
final class Connection: @unchecked Sendable {
    private let connection: OpaquePointer
    private let notices = ServerNotices()
    /// The names of the statements that are prepared, by their text.
    private var names: [String: String] = [:]
    /// Whether the connection is of no use any more.
    private(set) var isLost = false
    /// Whether it has answered since its user set this to false.
    var hasAnswered = false

    /// Connects. Each host has as long as `connect_timeout` says.
    init(_ string: ConnectionString) throws(ConnectionFailure) {
        var words: [UnsafePointer<CChar>?] = []
        var owned: [UnsafeMutablePointer<CChar>?] = []
        defer { for word in owned { free(word) } }
        for word in string.keywords.flatMap({ [$0.name, $0.value] }) {
            let copy = strdup(word)
            owned.append(copy)
            words.append(UnsafePointer(copy))
        }
        let names = stride(from: 0, to: words.count, by: 2).map { words[$0] } + [nil]
        let values = stride(from: 1, to: words.count, by: 2).map { words[$0] } + [nil]
        guard let connection = PQconnectdbParams(names, values, 0) else { throw .lost("out of memory") }
        self.connection = connection
        guard PQstatus(connection) == CONNECTION_OK else { throw .lost(reason) }
        notices.receive(from: connection)
        guard PQsetnonblocking(connection, 1) == 0, PQenterPipelineMode(connection) == 1 else { throw .lost(reason) }
    }

    deinit { PQfinish(connection) }

    /// The server's version, such as 150004.
    var serverVersion: Int { Int(PQserverVersion(connection)) }

    /// A setting that the server tells to every client; nil if it does not.
    func parameter(_ name: String) -> String? {
        PQparameterStatus(connection, name).map { String(cString: $0).printable }
    }

    /// The warnings that came with the last ``run(_:within:)``.
    var warnings: [ServerMessage] { notices.warnings }

    /// Runs statements, in one round trip if they are prepared. If one is refused, those after it are not run.
    ///
    /// Without `BEGIN` and `COMMIT` they are one transaction.
    ///
    /// - Returns: the rows of each.
    func run(_ statements: [Statement], within limit: Duration) throws(ConnectionFailure) -> [Rows] {
        guard !isLost else { throw .lost("the connection was lost earlier") }
        notices.clear()
        let deadline = ContinuousClock.now + limit
        do throws(ConnectionFailure) {
            let isPrepared = try send(statements)
            try flush(until: deadline)
            return try receive(statements, isPrepared, until: deadline)
        } catch {
            if case .lost = error { isLost = true }
            throw error
        }
    }

    /// Runs one statement.
    func run(_ statement: Statement, within limit: Duration) throws(ConnectionFailure) -> Rows {
        let rows = try run([statement], within: limit)
        guard let first = rows.first else { throw .unexpected("no result") }
        return first
    }

    private var reason: String {
        let message = String(cString: PQerrorMessage(connection)).split(whereSeparator: \.isNewline).joined(
            separator: "; ")
        return message.isEmpty ? "the connection to the server was lost" : message.printable
    }
}

// MARK: - Sending

extension Connection {
    /// - Returns: for each statement whether it is prepared already.
    private func send(_ statements: [Statement]) throws(ConnectionFailure) -> [Bool] {
        var isPrepared: [Bool] = []
        var new: [String: String] = [:]
        for statement in statements {
            let known = names[statement.text] ?? new[statement.text]
            let name = known ?? "daybook\(names.count + new.count)"
            isPrepared.append(known != nil)
            let types = statement.parameters.map { Oid($0.type.rawValue) }
            if known == nil {
                new[statement.text] = name
                guard PQsendPrepare(connection, name, statement.text, Int32(types.count), types) == 1 else {
                    throw .lost(reason)
                }
            }
            guard
                Self.withPointers(
                    to: statement.parameters,
                    { values, lengths, formats in
                        PQsendQueryPrepared(connection, name, Int32(types.count), values, lengths, formats, 1)
                    }) == 1
            else { throw .lost(reason) }
        }
        guard PQpipelineSync(connection) == 1 else { throw .lost(reason) }
        return isPrepared
    }

    private static func withPointers<Result>(
        to parameters: [Parameter],
        _ body: ([UnsafePointer<CChar>?], _ lengths: [Int32], _ formats: [Int32]) -> Result
    ) -> Result {
        // In one place, so that one pointer is enough. One byte more, so that it has an address if all have no bytes.
        var memory: [UInt8] = []
        memory.reserveCapacity(parameters.reduce(1) { $0 + $1.bytes.count })
        var offsets: [Int] = []
        for parameter in parameters {
            offsets.append(memory.count)
            memory += parameter.bytes
        }
        memory.append(0)
        return memory.withUnsafeBytes { bytes in
            let start = bytes.baseAddress?.assumingMemoryBound(to: CChar.self)
            return body(
                offsets.map { start?.advanced(by: $0) }, parameters.map { Int32(clamping: $0.bytes.count) },
                parameters.map { _ in 1 })
        }
    }

    private func flush(until deadline: ContinuousClock.Instant) throws(ConnectionFailure) {
        while true {
            switch PQflush(connection) {
            case 0: return
            case 1:
                // What the server sends meanwhile is taken, or both would wait for each other.
                let events = try wait(for: Int16(POLLIN | POLLOUT), until: deadline)
                if events & Int16(POLLIN) != 0, PQconsumeInput(connection) == 0 { throw .lost(reason) }
            default: throw .lost(reason)
            }
        }
    }
}

// MARK: - Receiving

extension Connection {
    private func receive(
        _ statements: [Statement], _ isPrepared: [Bool], until deadline: ContinuousClock.Instant
    ) throws(ConnectionFailure) -> [Rows] {
        var rows: [Rows] = []
        var failure: ConnectionFailure?
        for (index, statement) in statements.enumerated() {
            if !isPrepared[index] {
                let result = try result(until: deadline)
                if PQresultStatus(result) == PGRES_COMMAND_OK {
                    names[statement.text] = names[statement.text] ?? "daybook\(names.count)"
                } else {
                    failure = failure ?? .refused(ServerMessage(result), statement: index)
                }
                PQclear(result)
                try end(until: deadline)
            }
            let result = try result(until: deadline)
            switch PQresultStatus(result) {
            case PGRES_COMMAND_OK, PGRES_TUPLES_OK, PGRES_EMPTY_QUERY:
                do throws(ConnectionFailure) {
                    rows.append(try Rows(result, expecting: statement.columns))
                } catch {
                    failure = failure ?? error
                }
            case PGRES_PIPELINE_ABORTED:
                PQclear(result)
            default:
                failure = failure ?? .refused(ServerMessage(result), statement: index)
                PQclear(result)
            }
            try end(until: deadline)
        }
        let last = try result(until: deadline)
        let isEnd = PQresultStatus(last) == PGRES_PIPELINE_SYNC
        let message = ServerMessage(last)
        PQclear(last)
        guard isEnd else {
            // What an implicit transaction meets at its end has no statement of its own.
            if PQstatus(connection) != CONNECTION_OK { throw .lost(reason) }
            throw .lost("the server did not end its answer: \(message)")
        }
        hasAnswered = true
        if let failure { throw failure }
        return rows
    }

    /// The next result.
    private func result(until deadline: ContinuousClock.Instant) throws(ConnectionFailure) -> OpaquePointer {
        try read(until: deadline)
        guard let result = PQgetResult(connection) else { throw .lost(reason) }
        guard PQstatus(connection) == CONNECTION_OK else {
            // The reason that the server gave before it ended the connection.
            let message = ServerMessage(result)
            PQclear(result)
            throw .lost(message.text.isEmpty ? reason : message.description)
        }
        return result
    }

    /// The end of a statement's results.
    private func end(until deadline: ContinuousClock.Instant) throws(ConnectionFailure) {
        try read(until: deadline)
        guard let result = PQgetResult(connection) else { return }
        PQclear(result)
        throw .lost("the server gave more results than were asked for")
    }

    private func read(until deadline: ContinuousClock.Instant) throws(ConnectionFailure) {
        while PQisBusy(connection) == 1 {
            _ = try wait(for: Int16(POLLIN), until: deadline)
            guard PQconsumeInput(connection) == 1 else { throw .lost(reason) }
        }
    }

    /// - Returns: the events that the socket is ready for.
    private func wait(
        for events: Int16, until deadline: ContinuousClock.Instant
    ) throws(ConnectionFailure) -> Int16 {
        while true {
            let rest = deadline - .now
            guard rest > .zero else { throw .lost("the server did not answer in time") }
            var descriptor = pollfd(fd: PQsocket(connection), events: events, revents: 0)
            let milliseconds = rest.components.seconds &* 1000 + rest.components.attoseconds / 1_000_000_000_000_000
            let count = poll(&descriptor, 1, Int32(clamping: milliseconds + 1))
            if count > 0 { return descriptor.revents }
            if count < 0, errno != EINTR { throw .lost("the connection cannot be polled") }
        }
    }
}

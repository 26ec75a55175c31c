internal import CPostgreSQL
internal import EventStoreRules

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Connects to all hosts of a string at one time, and keeps the first connection that is as the string demands: a host
/// that does not answer must not delay the one that took over from it.
enum ConnectionRace {
    /// How long a host that failed is left alone, while another one may still answer: a standby may become the primary.
    private static let pause = Duration.milliseconds(250)

    private struct Runner {
        let keywords: [(name: String, value: String)]
        /// nil while it is left alone.
        var connection: OpaquePointer?
        var wants = PGRES_POLLING_WRITING
        /// Why it failed last, and when it begins again.
        var reason: String?
        var beginsAt = ContinuousClock.now
    }

    /// The connection that was ready first; for its caller to finish.
    ///
    /// - Parameter isWanted: whether it is still of use; asked twice a second.
    /// - Throws: `lost`, when no host is left that may answer, or the time of the string is over.
    static func winner(
        of string: ConnectionString, isWanted: (@Sendable () -> Bool)? = nil
    ) throws(ConnectionFailure) -> OpaquePointer {
        var runners = string.hosts.map { Runner(keywords: $0) }
        defer { for runner in runners { PQfinish(runner.connection) } }
        let deadline = ContinuousClock.now + string.connectTimeout
        var (end, asksAt): (String?, ContinuousClock.Instant) = (nil, .now + Connection.wantedInterval)
        while end == nil {
            for index in runners.indices where runners[index].connection == nil && runners[index].beginsAt <= .now {
                try begin(&runners[index])
            }
            let running = runners.indices.filter { runners[$0].connection != nil }
            if running.isEmpty { break }
            var polled = running.map {
                pollfd(
                    fd: PQsocket(runners[$0].connection),
                    events: Int16(runners[$0].wants == PGRES_POLLING_READING ? POLLIN : POLLOUT), revents: 0)
            }
            let due = runners.filter { $0.connection == nil }.map(\.beginsAt) + (isWanted == nil ? [] : [asksAt])
            let rest = (due + [deadline]).reduce(deadline, min) - .now
            if poll(&polled, nfds_t(polled.count), rest.pollTimeout) < 0, errno != EINTR {
                throw .lost("the connection cannot be polled")
            }
            for (index, polled) in zip(running, polled) where polled.revents != 0 {
                runners[index].wants = PQconnectPoll(runners[index].connection)
                switch runners[index].wants {
                case PGRES_POLLING_OK:
                    defer { runners[index].connection = nil }
                    if let winner = runners[index].connection { return winner }
                case PGRES_POLLING_FAILED: fail(&runners[index])
                default: break
                }
            }
            if .now >= deadline { end = "no answer within \(string.connectTimeout)" }
            if .now >= asksAt {
                asksAt = .now + Connection.wantedInterval
                if isWanted?() == false { end = Connection.unwanted }
            }
        }
        throw .lost((runners.compactMap(\.reason) + [end].compactMap(\.self)).joined(separator: "; "))
    }

    private static func begin(_ runner: inout Runner) throws(ConnectionFailure) {
        runner.connection = start(runner.keywords)
        runner.wants = PGRES_POLLING_WRITING
        guard runner.connection != nil else { throw .lost("out of memory") }
        if PQstatus(runner.connection) == CONNECTION_BAD { fail(&runner) }
    }

    private static func fail(_ runner: inout Runner) {
        runner.reason = String(cString: PQerrorMessage(runner.connection)).joinedLines.printable
        runner.beginsAt = .now + pause
        PQfinish(runner.connection)
        runner.connection = nil
    }

    private static func start(_ keywords: [(name: String, value: String)]) -> OpaquePointer? {
        var owned = keywords.flatMap { [strdup($0.name), strdup($0.value)] }
        defer { for word in owned { free(word) } }
        owned += [nil, nil]
        let words = owned.map { UnsafePointer<CChar>($0) }
        let names = stride(from: 0, to: words.count, by: 2).map { words[$0] }
        let values = stride(from: 1, to: words.count, by: 2).map { words[$0] }
        let connection = PQconnectStartParams(names, values, 0)
        // Before anything is received.
        if let connection { ServerNotices.ignore(from: connection) }
        return connection
    }
}

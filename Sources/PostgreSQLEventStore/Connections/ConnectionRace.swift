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
    private struct Runner {
        let connection: OpaquePointer
        var wants = PGRES_POLLING_WRITING
    }

    /// The connection that was ready first; for its caller to finish.
    static func winner(of string: ConnectionString) throws(ConnectionFailure) -> OpaquePointer {
        var runners: [Runner] = []
        var reasons: [String] = []
        defer { for runner in runners { PQfinish(runner.connection) } }
        for keywords in string.hosts {
            guard let connection = start(keywords) else { throw .lost("out of memory") }
            if PQstatus(connection) == CONNECTION_BAD {
                note(connection, &reasons)
                PQfinish(connection)
            } else {
                runners.append(Runner(connection: connection))
            }
        }
        let deadline = ContinuousClock.now + string.connectTimeout
        while !runners.isEmpty {
            var polled = runners.map {
                pollfd(
                    fd: PQsocket($0.connection),
                    events: Int16($0.wants == PGRES_POLLING_READING ? POLLIN : POLLOUT), revents: 0)
            }
            let rest = deadline - .now
            guard rest > .zero else {
                reasons.append("no answer within \(string.connectTimeout)")
                break
            }
            if poll(&polled, nfds_t(polled.count), rest.pollTimeout) < 0, errno != EINTR {
                throw .lost("the connection cannot be polled")
            }
            for index in polled.indices.reversed() where polled[index].revents != 0 {
                runners[index].wants = PQconnectPoll(runners[index].connection)
                switch runners[index].wants {
                case PGRES_POLLING_OK: return runners.remove(at: index).connection
                case PGRES_POLLING_FAILED:
                    note(runners[index].connection, &reasons)
                    PQfinish(runners.remove(at: index).connection)
                default: break
                }
            }
        }
        throw .lost(reasons.joined(separator: "; "))
    }

    private static func start(_ keywords: [(name: String, value: String)]) -> OpaquePointer? {
        var owned = keywords.flatMap { [strdup($0.name), strdup($0.value)] }
        defer { for word in owned { free(word) } }
        owned += [nil, nil]
        let words = owned.map { UnsafePointer<CChar>($0) }
        let names = stride(from: 0, to: words.count, by: 2).map { words[$0] }
        let values = stride(from: 1, to: words.count, by: 2).map { words[$0] }
        return PQconnectStartParams(names, values, 0)
    }

    private static func note(_ connection: OpaquePointer, _ reasons: inout [String]) {
        reasons.append(String(cString: PQerrorMessage(connection)).joinedLines.printable)
    }
}

internal import EventSourcing

#if canImport(Glibc)
    internal import Glibc
#else
    internal import Darwin
#endif

/// Writes to a log, on a thread of its own: decides what it is given, sends it in one transaction each, one behind the
/// other, and reports what became of it; renews the lease; and connects anew if the connection is lost.
///
/// `@unchecked Sendable`, since all of it belongs to the thread that runs ``run()``, once it does.
final class Writer: @unchecked Sendable {
    /// Transactions that were sent and not answered, at most.
    static let maxUnderWay = 8

    let string: ConnectionString
    let logID: UniqueID
    let slots: IndexSlot
    let timeouts: Timeouts
    let faults: Faults
    let clock: @Sendable () -> Timestamp
    let state: LeadState
    let inbox: WriterInbox

    /// The lead, and the last record, as of the last transaction that is known to be durable.
    var lead: Lead
    var head: LogHead
    /// The connection that leads.
    var connection: Connection?
    /// What is asked before something is decided has a connection of its own: on the other one it would wait for the
    /// commits before it.
    var asker: Connection?

    /// What was begun and not decided, oldest first.
    var queue: [WriterJob] = []
    /// What is being asked for the oldest of them.
    var question: Question?
    /// What was decided, oldest first.
    var line: [UnderWay] = []
    /// The ends of streams after all that was decided.
    var streams = StreamEndCache(capacity: 200_000)
    var recent = RecentEvents()
    /// Why nothing is written, though the server could be reached.
    var obstacle: StoreObstacle?

    var sentAt: ContinuousClock.Instant
    /// When the settings that are known were asked for.
    var settingsReadAt = ContinuousClock.now
    /// Why the connection was lost, and how long to wait for the next attempt.
    var loss = ""
    var pause = Duration.zero
    /// Whether it has come to its end by itself.
    var hasEnded = false

    /// A writer that leads by a connection.
    init(_ opened: OpenedLog, _ state: LeadState, _ inbox: WriterInbox) {
        string = opened.string
        logID = opened.identity.logID
        slots = IndexSlot(salt: opened.identity.salt)
        timeouts = opened.timeouts
        faults = opened.faults
        clock = opened.clock
        lead = opened.lead
        head = opened.head
        connection = opened.connection
        sentAt = opened.lead.sentAt
        self.state = state
        self.inbox = inbox
        state.lead(lead, head: head, opened.durability, on: opened.connection)
    }

    /// Works until the inbox is closed, or the lead is lost, or the store fails.
    func run() {
        while !hasEnded {
            queue += inbox.take()
            let isClosing = inbox.isClosing
            // What was begun just before; nothing is begun afterwards.
            if isClosing { queue += inbox.take() }
            if connection == nil {
                if isClosing { break }
                reconnect()
                continue
            }
            if isClosing, queue.isEmpty, question == nil, line.isEmpty { break }
            work()
            touch()
            let hasChanged = progress()
            if connection != nil, !hasChanged { wait() }
        }
        finish()
    }

    /// Loses the connection: what became of what is under way is found out through the next one.
    func lose(_ reason: String) {
        loss = reason
        let writes = line.count { $0.job != nil }
        let what = writes == 0 ? "" : ": whether \(writes) write(s) are recorded is found out when there is a new one"
        state.lose("the connection to \(string.place) was lost (\(reason))\(what)")
        connection = nil
        askAgain()
        asker = nil
        streams.removeAll()
        pause = .zero
    }

    /// Ends by itself.
    func end(_ error: any Error) {
        state.lose("\(error)")
        connection = nil
        asker = nil
        fail(with: error)
        hasEnded = true
        state.end(error)
    }

    private func fail(with error: any Error) {
        let jobs = line.compactMap(\.job) + [question?.job].compactMap(\.self) + queue + inbox.end(error)
        line = []
        question = nil
        queue = []
        for job in jobs { job.completed(.failed(error)) }
    }

    private func finish() {
        if !hasEnded {
            if line.contains(where: { $0.job != nil }) {
                fail(
                    with: OutcomeUnknown(
                        "\(string.place) was closed before it was known what became of a write: \(loss)"))
            } else {
                fail(with: PostgreSQLEventStoreError.closed(string))
            }
            state.lose("the log was closed")
            if let connection, !connection.isLost {
                do {
                    try lead.release(connection, within: timeouts.lock)
                } catch {
                    // The lock ends with the connection, and the lease soon.
                }
            }
            connection = nil
            asker = nil
        }
        inbox.leave()
    }

    /// Waits until there is something to do.
    private func wait() {
        guard let connection else { return }
        var polled = [inbox.wakeUp.polled, connection.polled]
        var due = sentAt + Lease.touchInterval
        if let first = line.first?.transaction { due = first.sentAt + timeouts.commit }
        if let question {
            due = min(due, question.deadline)
            if let asker { polled.append(asker.polled) }
        }
        let rest = due - .now
        if rest > .zero { _ = poll(&polled, nfds_t(polled.count), rest.pollTimeout) }
    }
}

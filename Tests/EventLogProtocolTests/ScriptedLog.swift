import EventLogProtocol
import EventSourcing
import ZeroMQ

/// An event-log service in a few lines, on real sockets, that answers as a test says.
///
/// Its records are those of a ``ModelLog``, which a test hands from one service to the next, as a store would.
actor ScriptedLog {
    enum Conduct {
        /// It obeys, and sends its epoch.
        case leads
        /// It refuses everything: another one leads.
        case refuses
        /// It refuses everything: it is stopping.
        case stops
        /// It obeys, but no reply leaves it, and no heartbeat.
        case isSilent
        /// It obeys, but keeps its replies, until it is to say them.
        case isSlow
    }

    private let loop: SocketLoop
    private let place: EventLogAddress.Log
    private var appends: Socket?
    private var reads: Socket?
    private var events: Socket?
    private var kept: [(onAppends: Bool, message: [[UInt8]])] = []
    private var outcomes: [[UInt8]: KeyedOutcome] = [:]

    var conduct = Conduct.leads
    var epoch: UInt64
    private(set) var log: ModelLog
    /// The requests that came, of appends and of reads.
    private(set) var appendsTaken = 0
    private(set) var readsTaken = 0
    var requestsTaken: [Int] { [appendsTaken, readsTaken] }

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(_ log: ModelLog, at place: EventLogAddress.Log, epoch: UInt64, on loop: SocketLoop) {
        self.log = log
        self.place = place
        self.epoch = epoch
        self.loop = loop
    }

    /// Binds, as a service does that leads from now on, with what another one has recorded.
    func open(_ conduct: Conduct = .leads, with log: ModelLog? = nil, epoch: UInt64? = nil) throws {
        if let log { self.log = log }
        if let epoch { self.epoch = epoch }
        self.conduct = conduct
        var publisher = SocketOptions()
        publisher.maxFrames = 1
        let events = try Socket(.publisher, options: publisher, on: loop)
        events.whenReadable { [weak self] in self?.assumeIsolated { $0.greet() } }
        try events.bind(place.events)
        self.events = events
        appends = try router(place.append)
        appends?.whenReadable { [weak self] in self?.assumeIsolated { $0.serve($0.appends) } }
        reads = try router(place.read)
        reads?.whenReadable { [weak self] in self?.assumeIsolated { $0.serve($0.reads) } }
        beat()
    }

    /// Closes all sockets, as a process does that is killed.
    func close() {
        for socket in [appends, reads, events] { socket?.close() }
        (appends, reads, events) = (nil, nil, nil)
    }

    func behave(_ conduct: Conduct) { self.conduct = conduct }

    /// Sends the replies that it kept, to whoever is still connected.
    func sayWhatWasKept() {
        for (onAppends, message) in kept { _ = try? (onAppends ? appends : reads)?.send(message) }
        kept = []
    }

    /// Records an event and publishes it.
    func record(_ count: Int = 1, published: Bool = true) throws {
        for _ in 0..<count {
            log.append()
            if published { try publish(log.records[log.records.count - 1]) }
        }
    }

    func publish(_ record: RecordedEvent) throws {
        if let events { try PublishedMessage.send(record, in: log.logID, on: events) }
    }

    /// The key's outcome, as another service of the same store knows it.
    func outcome(of key: [UInt8]) -> KeyedOutcome? { outcomes[key] }
    func know(_ outcome: KeyedOutcome, of key: [UInt8]) { outcomes[key] = outcome }

    private func router(_ endpoint: String) throws -> Socket {
        var options = SocketOptions()
        options.maxFrames = 64
        let socket = try Socket(.router, options: options, on: loop)
        try socket.bind(endpoint)
        return socket
    }

    private func greet() {
        while (try? events?.receive({ _ in true })) == true { sendHeartbeat() }
    }

    private func beat() {
        guard events != nil else { return }
        sendHeartbeat()
        loop.schedule(after: .milliseconds(100)) { [weak self] in self?.assumeIsolated { $0.beat() } }
    }

    private func sendHeartbeat() {
        guard conduct == .leads, let events else { return }
        // A closed socket is what a test wants.
        try? PublishedMessage.sendHeartbeat(of: log.logID, at: log.head, epoch: epoch, on: events)
    }

    private func serve(_ socket: Socket?) {
        guard let socket else { return }
        while let message = try? socket.receive({ frames in (0..<frames.count).map { frames.copy($0) } }) {
            for frame in message.dropFirst() {
                guard let (request, number) = try? frame.withUnsafeBytes({ try LogRequest.decode($0) }) else {
                    continue
                }
                let reply = reply(to: request)
                guard conduct != .isSilent else { continue }
                let answer = [message[0], reply.encoded(number: number, logID: log.logID)]
                guard conduct != .isSlow else {
                    kept.append((socket === appends, answer))
                    continue
                }
                _ = try? socket.send(answer)
            }
        }
    }

    private func reply(to request: LogRequest) -> LogReply {
        if case .append = request { appendsTaken += 1 } else { readsTaken += 1 }
        switch conduct {
        case .refuses: return .refusal(LogRefusal(.notLeader, "another log leads"))
        case .stops: return .refusal(LogRefusal(.stopping, "the event log is stopping"))
        case .leads, .isSilent, .isSlow: break
        }
        let status = LogStatus(logID: log.logID, head: log.head, epoch: epoch)
        switch request {
        case .status: return .status(status)
        case .readLog(let position, let limit):
            let records = log.records.dropFirst(Int(position)).prefix(limit.events)
            return .log(LogPage(status: status, records: Array(records)))
        case .append(let request): return .append(append(request))
        case .streamVersion: return .streamVersion(epoch)
        default: return .refusal(LogRefusal(.unsupported, "the script has no such request"))
        }
    }

    private func append(_ request: AppendRequest) -> AppendResult {
        if let command = request.command, let known = outcomes[command.key] { return .replayed(known) }
        if !request.isCheck { log.append() }
        let commit = Commit(position: log.head.position, recordedAt: log.head.recordedAt, streamVersions: [1])
        if let command = request.command {
            outcomes[command.key] = KeyedOutcome(
                streams: [StreamID(category: "thing", name: "a")!], commit: commit, outcome: command.outcome)
        }
        return .committed(commit)
    }
}

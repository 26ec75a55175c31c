internal import EventLogProtocol
internal import EventSourcing

/// The event-log service: batches of appends, one flush each, then the acknowledgements, then the events published; and
/// reads beside. It can be frozen and thawed, crash and return.
final class SimulatedLog {
    private struct WaitingAppend {
        let request: AppendRequest
        let number: UInt64
        let connection: Connection
    }

    private static let heartbeatInterval = Microseconds.milliseconds(500)

    let logID: UniqueID
    private let world: World
    private let circumstances: Circumstances
    /// Is called with what is on the disk after every flush and every start.
    private let recorded: (ReferenceLog) -> Void
    private(set) var disk: SimulatedDisk
    /// The head of which the log tells: it learns of it a moment after readers can see the records.
    private var toldHead: LogHead
    private var connections: [Connection] = []
    private var feeds: [EventFeed] = []
    private var waiting: [WaitingAppend] = []
    private var isFlushing = false
    private var isTurnScheduled = false
    /// What waits for the thaw.
    private var heldBack: [() -> Void] = []
    private var isFrozen = false
    private var isRunning = true
    /// Counts the runs, so that nothing which a run has begun is ended by the next.
    private var run = 0

    init(_ world: World, _ circumstances: Circumstances, whenRecorded recorded: @escaping (ReferenceLog) -> Void) {
        self.world = world
        self.circumstances = circumstances
        self.recorded = recorded
        logID = world.newID()
        disk = SimulatedDisk(logID: logID)
        toldHead = disk.durable.head
        beat()
    }

    /// Whether somebody who connects is answered.
    var isReachable: Bool { isRunning && !isFrozen }

    // MARK: requests

    /// A connection for a dealer that calls `receive` with each reply.
    func connect(
        _ receive: @escaping (NumberedReply) -> Void, whenLost: @escaping () -> Void
    ) -> Connection {
        weak var made: Connection?
        let requests = Wire<[NumberedRequest]>(world, delays: circumstances.delays) { [unowned self] message in
            guard let made else { return }
            for request in message { take(request, from: made) }
        }
        let replies = Wire<NumberedReply>(world, delays: circumstances.delays, receive)
        let connection = Connection(requests: requests, replies: replies, whenLost: whenLost)
        made = connection
        connections.removeAll(where: \.isLost)
        connections.append(connection)
        return connection
    }

    private func take(_ numbered: NumberedRequest, from connection: Connection) {
        if case .append(let request) = numbered.request {
            waiting.append(WaitingAppend(request: request, number: numbered.number, connection: connection))
            scheduleTurn()
        } else {
            whenAwake { [unowned self] in
                let reply = NumberedReply(number: numbered.number, reply: reply(to: numbered.request))
                connection.replies.send(reply)
            }
        }
    }

    private func reply(to request: LogRequest) -> LogReply {
        let log = disk.durable
        switch request {
        case .readLog(let position, let limit):
            let records = log.records.dropFirst(Int(position)).prefix(limit.events)
            if let last = records.last, last.position > toldHead.position { world.saw(.headToldLate) }
            if let last = records.last, last.continues { world.saw(.pageEndsWithinAppend) }
            return .log(LogPage(status: LogStatus(logID: logID, head: toldHead), records: Array(records)))
        case .readStream(let stream, let version, let limit):
            let history = log.stream(stream)
            let events = history.dropFirst(Int(version)).prefix(limit.events)
            return .stream(StreamSlice(events: Array(events), version: UInt64(history.count)))
        case .outcome(let key, let scope):
            return .outcome(
                log.outcome(of: key, in: scope).map {
                    BoundOutcome(fingerprint: $0.fingerprint, outcome: $0.outcome)
                })
        case .status:
            return .status(LogStatus(logID: logID, head: toldHead))
        case .keepSnapshot(let snapshot):
            return .snapshot(isKept: disk.keep(snapshot))
        case .loadStream(let stream, let fingerprint, let version, let limit):
            let snapshot = disk.snapshot(of: stream, fingerprint: fingerprint, atMost: version)
            if snapshot != nil { world.saw(.loadedFromSnapshot) }
            let history = log.stream(stream)
            let events = history.dropFirst(Int(snapshot?.version ?? 0)).prefix(limit.events)
            return .loaded(
                LoadedStream(
                    snapshot: snapshot, slice: StreamSlice(events: Array(events), version: UInt64(history.count))))
        case .append, .dropSnapshot, .streamVersion:
            return .refusal(LogRefusal(.unsupported, "nobody in the simulation asks this"))
        }
    }

    // MARK: appends

    private func scheduleTurn() {
        guard !isTurnScheduled, !isFlushing, !waiting.isEmpty else { return }
        isTurnScheduled = true
        let run = run
        world.after(0...50) { [unowned self] in
            guard run == self.run else { return }
            isTurnScheduled = false
            whenAwake { [unowned self] in takeBatch() }
        }
    }

    private func takeBatch() {
        guard !isFlushing, !waiting.isEmpty else { return }
        isFlushing = true
        let batch = waiting.prefix(circumstances.batchLimit)
        waiting.removeFirst(batch.count)
        let (results, records) = disk.write(batch.map(\.request), at: world.timestamp)
        let run = run
        // What changes nothing, such as checks and conflicts, is not flushed.
        let isChanged =
            !records.isEmpty
            || zip(batch, results).contains { append, result in
                if case .committed = result { append.request.command != nil } else { false }
            }
        world.after(isChanged ? circumstances.flushes : 0...20) { [unowned self] in
            guard run == self.run else { return }
            disk.flush()
            recorded(disk.durable)
            // Readers see the batch from here on; its writer's thread may be a while in getting to tell of it.
            world.after(world.onceIn(8) ? 0...10_000 : 0...200) { [unowned self] in
                guard run == self.run else { return }
                whenAwake { [unowned self] in tell(batch, results, records) }
            }
        }
    }

    private func tell(_ batch: ArraySlice<WaitingAppend>, _ results: [AppendResult], _ records: [RecordedEvent]) {
        toldHead = disk.durable.head
        for (append, result) in zip(batch, results) {
            append.connection.replies.send(NumberedReply(number: append.number, reply: .append(result)))
        }
        feeds.removeAll(where: \.isLost)
        for record in records {
            for feed in feeds { feed.publish(.event(record)) }
        }
        isFlushing = false
        scheduleTurn()
    }

    // MARK: subscriptions

    /// A subscription to everything; it is greeted with a heartbeat.
    func subscribe(_ receive: @escaping (Published) -> Void, whenLost: @escaping () -> Void) -> EventFeed {
        let wire = Wire<Published>(world, delays: circumstances.delays, receive)
        let feed = EventFeed(wire, limit: circumstances.publisherQueue, whenLost: whenLost)
        feeds.append(feed)
        feed.publish(.heartbeat(toldHead))
        return feed
    }

    private func beat() {
        world.after(Self.heartbeatInterval) { [unowned self] in
            if isReachable {
                for feed in feeds { feed.publish(.heartbeat(toldHead)) }
            }
            beat()
        }
    }

    // MARK: faults

    func crash(downFor pause: Microseconds) {
        guard isRunning else { return }
        world.trace("log: crash\(isFlushing ? " while flushing" : "")")
        run += 1
        isRunning = false
        let isThere = isFlushing && world.onceIn(2)
        if isFlushing { world.saw(isThere ? .flushSurvived : .flushLost) }
        disk.crash(whileFlushing: isThere)
        waiting = []
        heldBack = []
        isFlushing = false
        isTurnScheduled = false
        for connection in connections { connection.lose() }
        for feed in feeds { feed.lose() }
        connections = []
        feeds = []
        world.after(pause) { [unowned self] in
            world.trace("log: start")
            isRunning = true
            isFrozen = false
            toldHead = disk.durable.head
            recorded(disk.durable)
        }
    }

    func freeze(for pause: Microseconds) {
        guard isReachable else { return }
        world.trace("log: freeze")
        isFrozen = true
        let run = run
        world.after(pause) { [unowned self] in
            guard run == self.run else { return }
            world.trace("log: thaw")
            isFrozen = false
            let held = heldBack
            heldBack = []
            for body in held { body() }
        }
    }

    private func whenAwake(_ body: @escaping () -> Void) {
        guard isRunning else { return }
        if isFrozen { heldBack.append(body) } else { body() }
    }
}

public import EventSourcing
public import ZeroMQ

/// Appends to a log and reads from it over ZeroMQ.
///
/// An actor on a ``SocketLoop``: called from another actor on the same loop it costs no thread hop. It connects by
/// itself, again after every loss, and each call ends by its deadline at the latest. Of several services that lead the log
/// in turn it asks the one that leads, and believes none with an earlier lead than the newest reported.
public actor EventLogClient {
    private let loop: SocketLoop
    private let address: EventLogAddress
    private let requestLimit: Int
    private var appends: LogChannels?
    private var reads: LogChannels?
    private var isClosed = false
    private var lead = KnownLead()
    /// The log's id, since it was last asked for on the connections that stand.
    private var knownLogID: UniqueID?
    /// Those who wait until both sockets are connected, each under a number of its own.
    private var connectionWaiters: [UInt64: CheckedContinuation<Void, Never>] = [:]
    private var lastWaiter: UInt64 = 0

    /// The loop's thread runs this actor.
    public nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    /// A client of the log at an address; it connects at its first use or by ``connect()``.
    ///
    /// - Parameter requestLimit: the most requests that may wait for their replies, of appends and of reads; further ones are
    ///   refused at once.
    public init(_ address: EventLogAddress, requestLimit: Int = 10_000, on loop: SocketLoop) {
        self.address = address
        self.requestLimit = requestLimit
        self.loop = loop
    }

    /// Whether the append socket and the read socket are connected to a log.
    public var isConnected: Bool { (appends?.isConnected ?? false) && canRead }

    /// Whether the read socket is connected to a log.
    public var canRead: Bool { reads?.isConnected ?? false }

    /// The read socket of the service that leads the log, as far as is known; nil while none is connected.
    public var leader: String? { reads?.leader }

    /// The number of the newest lead of the log that was reported; 0: none was.
    public var epoch: UInt64 { lead.epoch }

    /// Why no connection stands, as far as it is known: only if the log, or this peer, does not accept the other. One sentence.
    public var rejection: String? { appends?.rejection ?? reads?.rejection }

    /// Replies that came after their request had ended.
    public var lateReplies: UInt64 { (appends?.lateReplies ?? 0) + (reads?.lateReplies ?? 0) }

    /// Begins to connect, without waiting for the log.
    public func connect() throws(ZeroMQError) {
        _ = try appendChannel()
        _ = try readChannel()
    }

    /// Connects, and returns once the append socket and the read socket are connected to a log.
    ///
    /// - Throws: ``EventLogError`` `unavailable` where they are not within `patience`.
    public func connect(within patience: Duration) async throws(EventLogError) {
        do {
            try connect()
        } catch {
            throw EventLogError(.unavailable, error.description)
        }
        guard !isConnected else { return }
        lastWaiter += 1
        let number = lastWaiter
        loop.schedule(after: patience) { [weak self] in
            self?.assumeIsolated { $0.connectionWaiters.removeValue(forKey: number)?.resume() }
        }
        await withCheckedContinuation { connectionWaiters[number] = $0 }
        guard isConnected else {
            let channel = canRead ? appends : reads
            throw EventLogError(.unavailable, channel?.absence ?? "the client was closed")
        }
    }

    /// Begins to connect the read socket alone, without waiting for the log.
    public func connectForReading() throws(ZeroMQError) { _ = try readChannel() }

    /// Appends events, whole or not at all.
    public func append(_ request: AppendRequest) async throws(EventLogError) -> AppendResult {
        let channel = try channel(appendChannel)
        return try AppendResult(try await send(.append(request), through: channel))
    }

    /// Reads the log in order from the record after a position, and the log's head at that moment.
    public func readLog(after position: UInt64, limit: ReadLimit) async throws(EventLogError) -> LogPage {
        guard case .log(let page) = try await sendRead(.readLog(after: position, limit: limit)) else {
            throw unexpectedReply
        }
        return page
    }

    /// Reads a stream in order from the event after a version, and the stream's version at that moment.
    public func readStream(
        _ stream: StreamID, after version: UInt64, limit: ReadLimit
    ) async throws(EventLogError) -> StreamSlice {
        guard case .stream(let slice) = try await sendRead(.readStream(stream, after: version, limit: limit)) else {
            throw unexpectedReply
        }
        return slice
    }

    /// The log's id and head.
    public func status() async throws(EventLogError) -> LogStatus {
        guard case .status(let status) = try await sendRead(.status) else { throw unexpectedReply }
        knownLogID = status.logID
        return status
    }

    /// The log's id, asked for once on each connection.
    public func logID() async throws(EventLogError) -> UniqueID {
        if let knownLogID { return knownLogID }
        return try await status().logID
    }

    /// What was done under a key of a stream; nil where the key is free.
    public func outcome(of key: [UInt8], in scope: StreamID) async throws(EventLogError) -> BoundOutcome? {
        guard case .outcome(let outcome) = try await sendRead(.outcome(key: key, scope: scope)) else {
            throw unexpectedReply
        }
        return outcome
    }

    /// Reads the newest snapshot of a stream with a fingerprint, at a version or before it, and events after it up to
    /// that version.
    public func loadStream(
        _ stream: StreamID, fingerprint: Digest256, upTo version: UInt64 = .max, limit: ReadLimit
    ) async throws(EventLogError) -> LoadedStream {
        let request = LogRequest.loadStream(stream, fingerprint: fingerprint, upTo: version, limit: limit)
        guard case .loaded(let loaded) = try await sendRead(request) else { throw unexpectedReply }
        return loaded
    }

    /// How many events of a stream were recorded at a time or before it.
    public func version(of stream: StreamID, at time: Timestamp) async throws(EventLogError) -> UInt64 {
        guard case .streamVersion(let version) = try await sendRead(.streamVersion(of: stream, at: time)) else {
            throw unexpectedReply
        }
        return version
    }

    /// Keeps a snapshot.
    ///
    /// - Returns: false where it is of another history than the log's.
    public func keep(_ snapshot: Snapshot) async throws(EventLogError) -> Bool {
        let channel = try channel(appendChannel)
        guard case .snapshot(let isKept) = try await send(.keepSnapshot(snapshot), through: channel) else {
            throw unexpectedReply
        }
        return isKept
    }

    /// Forgets a snapshot.
    public func drop(_ snapshot: Snapshot) async throws(EventLogError) {
        let channel = try channel(appendChannel)
        let request = LogRequest.dropSnapshot(
            of: snapshot.stream, fingerprint: snapshot.fingerprint, version: snapshot.version)
        guard case .snapshot = try await send(request, through: channel) else { throw unexpectedReply }
    }

    /// Ends every request that waits, and closes the sockets.
    public func close() {
        isClosed = true
        appends?.close()
        reads?.close()
        wakeConnectionWaiters()
    }

    private func wakeConnectionWaiters() {
        let woken = connectionWaiters
        connectionWaiters = [:]
        for waiter in woken.values { waiter.resume() }
    }

    /// Appends events, for a caller on the same loop that must take in the answers in the order in which they come:
    /// `completion` is called in that order, on the loop's thread, before anything else happens there. See
    /// ``AppendResult/init(_:)``.
    public func append(
        _ request: AppendRequest, _ completion: @escaping (Result<LogReply, EventLogError>) -> Void
    ) {
        do throws(EventLogError) {
            try channel(appendChannel).send(.append(request), timeout: address.timeout, completion)
        } catch {
            completion(.failure(error))
        }
    }

    /// Starts reading the log, for a follower on the same loop that wants to be told rather than to wait.
    func readLog(after position: UInt64, limit: ReadLimit, _ completion: @escaping RequestChannel.Completion) {
        do throws(EventLogError) {
            let channel = try channel(readChannel)
            channel.send(.readLog(after: position, limit: limit), timeout: address.timeout, completion)
            // At once: the log reads while the follower hands on what it has.
            channel.flush()
        } catch {
            completion(.failure(error))
        }
    }

    // MARK: the lead

    /// With how many services a connection stands, for tests: of the append sockets, and of the read sockets.
    var connections: [Int] { [appends?.connections ?? 0, reads?.connections ?? 0] }

    /// Asks the service of this index next, for tests.
    func prefer(_ index: Int) {
        appends?.prefer(index)
        reads?.prefer(index)
    }

    /// Bounds the appends that wait for a service that leads, for tests.
    func limitWaitingAppends(toBytes bytes: Int) throws(ZeroMQError) { try appendChannel().maxWaitingBytes = bytes }

    /// Takes in the epoch of a heartbeat that is believed, of the service of this index among those of the address.
    func learn(_ epoch: UInt64, of logID: UniqueID, from index: Int) {
        if lead.learn(epoch, of: logID) { return follow(index) }
        // A log that has lost the lead without having noticed may be the one with which a connection stood last.
        guard lead.isLatest(epoch, of: logID) else { return }
        appends?.prefer(index)
        reads?.prefer(index)
    }

    /// Whether a reply is to be believed: not if it is of an earlier lead than the newest reported.
    private func believes(_ reply: LogReply, from index: Int) -> Bool {
        let status: LogStatus
        switch reply {
        case .status(let reported): status = reported
        case .log(let page): status = page.status
        default: return true
        }
        guard lead.believes(status.epoch, of: status.logID) else { return false }
        if lead.learn(status.epoch, of: status.logID) { follow(index) }
        return true
    }

    /// Another service leads now. What was asked of the one before may never be answered, if it is frozen or cut off.
    private func follow(_ index: Int) {
        appends?.prefer(index)
        reads?.prefer(index)
        // Later, since a reply of one of them may have arrived. The answers to appends that cannot be repeated are
        // worth waiting for.
        loop.afterThisTurn { [weak self] in
            self?.assumeIsolated { client in
                client.appends?.move(to: index)
                client.reads?.leaveAll(but: index)
            }
        }
    }

    /// Requests are slow at the services of these indices: asks the others whether one of them leads.
    private func findLead(besides slow: [Int]) {
        for index in address.logs.indices where slow != [index] {
            reads?.ask(index, timeout: address.timeout) { [weak self] reply in
                self?.assumeIsolated { $0.received(reply, from: index) }
            }
        }
    }

    /// Takes in how the log stands, from a service that was asked because another one was slow.
    private func received(_ reply: LogReply, from index: Int) {
        guard believes(reply, from: index), case .status(let status) = reply,
            lead.isLatest(status.epoch, of: status.logID)
        else { return }
        // Also if that was known before: what is slow may have been sent since.
        loop.afterThisTurn { [weak self] in
            self?.assumeIsolated { client in
                client.appends?.move(to: index)
                client.reads?.move(to: index)
            }
        }
    }

    // MARK: sending

    private var unexpectedReply: EventLogError { .unexpectedReply }

    private func sendRead(_ request: LogRequest) async throws(EventLogError) -> LogReply {
        try await send(request, through: channel(readChannel))
    }

    private func send(_ request: LogRequest, through channel: LogChannels) async throws(EventLogError) -> LogReply {
        let result = await withCheckedContinuation { continuation in
            channel.send(request, timeout: address.timeout) { continuation.resume(returning: $0) }
        }
        return try result.get()
    }

    private func channel(_ make: () throws(ZeroMQError) -> LogChannels) throws(EventLogError) -> LogChannels {
        guard !isClosed else { throw EventLogError(.unavailable, "the client was closed") }
        do {
            return try make()
        } catch {
            throw EventLogError(.unavailable, error.description)
        }
    }

    private func appendChannel() throws(ZeroMQError) -> LogChannels {
        if let appends { return appends }
        let channel = try channels(to: address.logs.map(\.append))
        appends = channel
        return channel
    }

    private func readChannel() throws(ZeroMQError) -> LogChannels {
        if let reads { return reads }
        let channel = try channels(to: address.logs.map(\.read))
        reads = channel
        return channel
    }

    private func channels(to endpoints: [String]) throws(ZeroMQError) -> LogChannels {
        let channels = try LogChannels(to: endpoints, address.security, limit: requestLimit, on: loop)
        channels.believes = { [weak self] reply, index in
            self?.assumeIsolated { $0.believes(reply, from: index) } ?? true
        }
        channels.whenSlow = { [weak self] slow in self?.assumeIsolated { $0.findLead(besides: slow) } }
        channels.whenConnected = { [weak self] in
            self?.assumeIsolated { client in
                // Another log may be there now.
                client.knownLogID = nil
                if client.isConnected { client.wakeConnectionWaiters() }
            }
        }
        return channels
    }
}

extension AppendResult {
    /// What the log's reply to an append says.
    public init(_ reply: LogReply) throws(EventLogError) {
        guard case .append(let result) = reply else { throw .unexpectedReply }
        self = result
    }
}

extension EventLogError {
    fileprivate static var unexpectedReply: EventLogError {
        EventLogError(.refused, "the log answered with a reply to another kind of request")
    }
}

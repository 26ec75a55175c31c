internal import ZeroMQ

/// A dealer that sends requests to one of the log's sockets and pairs the replies with them.
///
/// Not Sendable: it belongs to an actor on its loop. Requests made in one turn of the loop leave together in one
/// message. Every request ends exactly once: by its reply, at its deadline, or when the connection that carried it is
/// lost.
///
/// Each connection has a socket of its own: what is still queued when it is lost goes with the socket, instead of being
/// sent to a log that comes back later, and what the log answered before it went can still be received. (libzmq's
/// `ZMQ_IMMEDIATE` is meant for the former and fails at the latter: it drops what was received, and ends the process
/// where that happens between two frames of a message.)
final class RequestChannel {
    typealias Completion = (Result<LogReply, EventLogError>) -> Void

    /// Whoever waits for a reply. Not the function alone: held by generic code, that would be wrapped each time.
    private struct Waiter {
        let take: Completion
        /// Whether the request may be sent to another service, though this one may have carried it out.
        let isRepeatable: Bool
        /// Whether nobody waits for the reply but the client itself, which asks who leads.
        let isAside: Bool
    }

    private static let maxFramesOfAMessage = 64
    /// A message is ended if it reaches this limit: the log drops one that is much larger, whole.
    static let maxBytesOfAMessage = 1 << 20
    private static let maxMessagesOfATurn = 256

    private let loop: SocketLoop
    let endpoint: String
    private let options: SocketOptions
    /// nil between two connections, and once the channel is closed.
    private var socket: Socket?
    private var isClosed = false
    private var pending: PendingRequests<Waiter>
    private var outbox: [(number: UInt64, frame: [UInt8])] = []
    /// Takes turns with `outbox`, so that neither has to grow anew.
    private var leaving: [(number: UInt64, frame: [UInt8])] = []
    private var isExpiryScheduled = false
    private(set) var isConnected = false
    /// Why the last handshake failed, if the two sides do not accept each other.
    private(set) var rejection: String?
    private var failedHandshakes = 0
    /// Is called on the loop's thread when a connection stands.
    var whenConnected: () -> Void = {}
    private(set) var malformedReplies: UInt64 = 0

    var lateReplies: UInt64 { pending.lateAnswers }
    var waitingRequests: Int { pending.count }

    /// What to say while no connection stands.
    var absence: String { rejection ?? "nobody answers at \(endpoint)" }

    init(
        to endpoint: String, _ security: SocketSecurity, limit: Int, ofServices services: Int = 1, on loop: SocketLoop
    ) throws(ZeroMQError) {
        self.loop = loop
        self.endpoint = endpoint
        pending = PendingRequests(limit: limit)
        var options = SocketOptions()
        options.sendQueue = Int32(clamping: limit)
        options.receiveQueue = Int32(clamping: limit)
        options.maxFrames = Self.maxFramesOfAMessage
        options.maxMessageBytes = Int(options.largestFrame)
        options.security = security
        options.reconnectMilliseconds = EventLogAddress.reconnectMilliseconds(ofServices: services)
        self.options = options
        try connect()
    }

    /// The number that the next request gets.
    var nextNumber: UInt64 { pending.nextNumber }

    /// Whether somebody waits for the reply to a request with a smaller number than this.
    func hasWaiting(before number: UInt64 = .max) -> Bool { pending.contains(before: number) { !$0.isAside } }

    /// - Parameter isAside: whether nobody waits for the reply but the client itself, which asks who leads.
    func send(
        _ request: LogRequest, timeout: Duration, isAside: Bool = false, _ completion: @escaping Completion
    ) {
        let waiter = Waiter(take: completion, isRepeatable: request.isRepeatable, isAside: isAside)
        guard let number = pending.add(waiter, until: .now + timeout) else {
            completion(
                .failure(EventLogError(.overloaded, "\(pending.limit) requests to \(endpoint) wait for their replies")))
            return
        }
        outbox.append((number, request.encoded(number: number)))
        if outbox.count == 1 { loop.afterThisTurn { [weak self] in self?.flush() } }
        scheduleExpiry()
    }

    func close() {
        isClosed = true
        isConnected = false
        socket?.close()
        socket = nil
        for waiter in pending.removeAll() {
            waiter.take(.failure(EventLogError(.outcomeUnknown, "the connection to \(endpoint) was closed")))
        }
    }

    /// Closes the connection, as if it had been lost, and connects again: another service leads now, and this one may
    /// never answer.
    func reconnect() {
        if isConnected { lose() }
    }

    /// Ends the waiting requests that may be sent to another service; the connection stays, for the others. A reply
    /// that comes later is counted as late.
    func leaveRepeatable() {
        // What has been received, though not looked at yet, need not be asked for again.
        while isConnected, pending.count > 0, receiveReplies() {}
        for waiter in pending.removeAll(where: \.isRepeatable) {
            let reason = "another log leads than the one at \(endpoint)"
            waiter.take(.failure(EventLogError(.outcomeUnknown, reason, concernsOneService: true)))
        }
    }

    /// Sends what was asked for in this turn so far.
    func flush() {
        swap(&outbox, &leaving)
        defer { leaving.removeAll(keepingCapacity: leaving.capacity <= 4096) }
        var rest = leaving[...]
        while !rest.isEmpty {
            let message = rest.prefix(Self.countOfNextMessage(rest.lazy.map(\.frame.count)))
            rest = rest.dropFirst(message.count)
            guard let failure = failure(toSend: message.map(\.frame)) else { continue }
            for (number, _) in message { pending.withdraw(number)?.take(.failure(failure)) }
        }
    }

    /// How many frames the next message has: at least one, and no more than belong in one by number and bytes.
    static func countOfNextMessage(_ sizes: some Sequence<Int>) -> Int {
        var (count, bytes) = (0, 0)
        for size in sizes {
            guard count < maxFramesOfAMessage, count == 0 || size <= maxBytesOfAMessage - bytes else { break }
            count += 1
            bytes += min(size, maxBytesOfAMessage)
        }
        return count
    }

    /// - Returns: nil where the message is on its way; else nothing of it was sent.
    private func failure(toSend frames: [[UInt8]]) -> EventLogError? {
        guard let socket, isConnected else { return EventLogError(.unavailable, absence, concernsOneService: true) }
        do {
            return try socket.send(frames) == .sent
                ? nil : EventLogError(.overloaded, "the queue to \(endpoint) is full")
        } catch {
            return EventLogError(.unavailable, error.description, concernsOneService: true)
        }
    }

    private func connect() throws(ZeroMQError) {
        let socket = try Socket(.dealer, options: options, on: loop)
        try socket.whenConnectionChanges { [weak self] event in self?.connectionChanged(event) }
        socket.whenReadable { [weak self] in _ = self?.receiveReplies() }
        try socket.connect(endpoint)
        self.socket = socket
    }

    /// Makes a socket for the next connection, after as long as libzmq would wait before it connects again.
    private func connectLater() {
        let longest = Int(options.reconnectMilliseconds.longest)
        let first = min(Int(options.reconnectMilliseconds.first) << min(failedHandshakes, 8), longest)
        // The random part keeps the peers of a log that comes back from arriving as a herd.
        loop.schedule(after: .milliseconds(Int.random(in: first...2 * first))) { [weak self] in
            guard let self, !isClosed, socket == nil else { return }
            // No descriptors left, perhaps: a later attempt may find some.
            do { try connect() } catch { connectLater() }
        }
    }

    /// - Returns: whether more may wait.
    private func receiveReplies() -> Bool {
        do {
            // The rest in the next turn, so that a flood of replies leaves the loop time for others.
            for _ in 0..<Self.maxMessagesOfATurn {
                guard let socket, try socket.receive({ frames in accept(frames) }) != nil else { return false }
            }
        } catch {
            // The socket was closed under us; `close` has dealt with whoever waited.
            malformedReplies += 1
            return false
        }
        return true
    }

    private func accept(_ frames: borrowing Frames) {
        for index in 0..<frames.count {
            do throws(MalformedFrame) {
                let (reply, number) = try frames.withBytes(of: index, LogReply.decode)
                pending.answer(number)?.take(Self.result(of: reply))
            } catch {
                malformedReplies += 1
            }
        }
    }

    private static func result(of reply: LogReply) -> Result<LogReply, EventLogError> {
        guard case .refusal(let refusal) = reply else { return .success(reply) }
        let code: EventLogError.Code =
            switch refusal.code {
            case .overloaded: .overloaded
            // The log's operator may allow it again.
            case .stopping, .failed, .forbidden, .notLeader: .unavailable
            case .unsupported: .refused
            }
        let isElsewhere = refusal.code == .notLeader || refusal.code == .stopping
        return .failure(EventLogError(code, refusal.reason, concernsOneService: isElsewhere))
    }

    private func connectionChanged(_ event: ConnectionEvent) {
        switch event {
        case .connected:
            isConnected = true
            rejection = nil
            failedHandshakes = 0
            whenConnected()
        case .disconnected where !isConnected:
            // Nobody shook hands yet: libzmq tries again by itself.
            break
        case .disconnected:
            lose()
        case .handshakeFailed(let failure):
            failedHandshakes += 1
            // One that ends without a word does not take back what another attempt has told.
            rejection =
                failure.meaning(for: options.security, at: endpoint, failures: failedHandshakes) ?? rejection
            // libzmq may have given the endpoint up, so the next attempt needs a socket of its own. It comes after a pause
            // that grows: each handshake costs the log a good deal.
            lose()
        }
    }

    /// The connection is lost, and its socket with it.
    private func lose() {
        let wasConnected = isConnected
        isConnected = false
        // What the log answered before it went has been received, though not looked at yet.
        while wasConnected, pending.count > 0, receiveReplies() {}
        socket?.close()
        socket = nil
        connectLater()
        // Else none is under way: what was not sent is refused as it is to be sent.
        guard wasConnected else { return }
        // Whatever was under way went with the connection: its sender need not wait for the deadline to learn it.
        for waiter in pending.removeAll() {
            waiter.take(
                .failure(
                    EventLogError(
                        .outcomeUnknown, "the connection to \(endpoint) was lost", concernsOneService: true)))
        }
    }

    private func scheduleExpiry() {
        guard !isExpiryScheduled, let next = pending.nextDeadline else { return }
        isExpiryScheduled = true
        // Not more often than this, so that thousands of requests share a timer.
        loop.schedule(after: max(next - .now, .milliseconds(20))) { [weak self] in self?.expire() }
    }

    private func expire() {
        isExpiryScheduled = false
        for waiter in pending.expire(at: .now) {
            waiter.take(.failure(EventLogError(.outcomeUnknown, "no reply from \(endpoint) in time")))
        }
        scheduleExpiry()
    }
}

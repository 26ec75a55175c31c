internal import EventLogProtocol
internal import EventSourcing
internal import ZeroMQ

/// The append socket: receives what is to be written, refuses what may not be, and sends the replies.
///
/// Not Sendable: it belongs to the server on whose loop it is.
final class AppendSocket {
    private static let maxGone = 1024

    private let logID: UniqueID
    private let loop: SocketLoop
    private let socket: Socket
    private let replies: ReplyQueue
    private let gate: PeerGate
    /// Peers without a routing id of their own that have left: what they asked for is not done any more.
    private var gone: Set<[UInt8]> = []
    private var counted = LogCounters()

    /// What all requests are refused with from now on; nil: they are taken.
    var refusal: LogRefusal?

    /// Binds the socket. Nothing is received before ``whenReadable(_:)``.
    init(
        of logID: UniqueID, at endpoint: String, on loop: SocketLoop, connectionGuard: ConnectionGuard,
        security: LogSecurity?, strangers: StrangerWatch
    ) throws(ZeroMQError) {
        self.logID = logID
        self.loop = loop
        gate = PeerGate(.append, security?.peers, strangers)
        var options = LogSocket.append.options(security)
        // The queues count messages; what they cost in bytes is bounded by ReplyQueue and the guard.
        options.sendQueue = 64
        options.receiveQueue = 128
        options.largestFrame = Int64(PeerLimits.maxAppendBytes)
        options.maxMessageBytes = PeerLimits.maxAppendBytes
        options.maxFrames = ReplyQueue.maxFrames
        socket = try Socket(.router, options: options, on: loop)
        try socket.guardConnections(by: connectionGuard, limits: PeerLimits.append)
        try socket.bind(endpoint)
        replies = ReplyQueue(on: socket, loop: loop, maxBytesInAll: PeerLimits.maxAppendReplyBytes)
        replies.whenGone = { [weak self] peer in self?.forget(peer) }
    }

    /// What it counted.
    var counters: LogCounters {
        var counters = counted
        counters.undeliverable = replies.undeliverable
        // Messages of too many frames break the grammar too.
        counters.malformed += socket.counters.oversized
        return counters
    }

    /// Whether nothing is received for now: requests wait, in the end at their senders.
    var isPaused: Bool {
        get { socket.isPaused }
        set { socket.isPaused = newValue }
    }

    /// Has `handler` called when requests wait: it calls ``receive(into:)``.
    func whenReadable(_ handler: @escaping () -> Void) { socket.whenReadable(handler) }

    /// Receives the waiting requests, until the batch is full. Also if it throws, the batch may have grown.
    func receive(into batch: inout AppendBatch) throws {
        while !batch.isFull, try socket.receive({ take($0, into: &batch) }) != nil {}
    }

    /// Collects a reply; ``flush()`` sends it.
    func reply(_ reply: LogReply, to sender: RequestSender) {
        replies.add(reply, to: sender.peer, number: sender.number, logID: logID)
    }

    /// Collects the answer to an append. A requester that sends much at once, and gets large replies, must lose none of
    /// them: what recorded nothing is refused instead, and can be asked for again.
    func answer(_ result: AppendResult, to sender: RequestSender) {
        let frame = LogReply.append(result).encoded(number: sender.number, logID: logID)
        if case .committed = result {
            replies.add(frame, to: sender.peer)
        } else if replies.hasRoom(for: frame.count, to: sender.peer) {
            replies.add(frame, to: sender.peer)
        } else {
            counted.dropped += 1
            refuse(LogRefusal(.overloaded, "the replies to what was asked for at once are too large"), sender)
        }
    }

    /// Collects a refusal; ``flush()`` sends it.
    func refuse(_ refusal: LogRefusal, _ sender: RequestSender) { reply(.refusal(refusal), to: sender) }

    /// Sends what was collected.
    func flush() throws(ZeroMQError) { try replies.flush() }

    /// Closes the socket; what waits to be sent still goes out within the linger.
    func close() { socket.close() }

    private func take(_ message: borrowing Frames, into batch: inout AppendBatch) {
        let peer = message.copy(0)
        batch.frames += message.count
        if !gone.isEmpty, gone.contains(peer) {
            counted.dropped += UInt64(max(1, message.count) - 1)
            return
        }
        let isBacklogged = replies.isBacklogged(peer, at: message.connection)
        let verdict = gate.verdict(on: message, of: socket)
        if case .refused(_, let reason) = verdict { end(message.connection, reason) }
        for index in 1..<max(1, message.count) {
            batch.bytes += message.withBytes(of: index, \.count)
            do throws(MalformedFrame) {
                let (request, number) = try message.withBytes(of: index, LogRequest.decode)
                let sender = RequestSender(peer: peer, number: number)
                if let refusal {
                    refuse(refusal, sender)
                } else if isBacklogged {
                    counted.dropped += 1
                    refuse(LogRefusal(.overloaded, "too many replies to earlier requests are unread"), sender)
                } else if let refusal = Self.refusal(of: request, verdict) {
                    counted.forbidden += 1
                    refuse(refusal, sender)
                } else if !batch.add(request, from: sender) {
                    refuse(LogRefusal(.unsupported, "the append socket takes only what writes"), sender)
                }
            } catch {
                counted.malformed += 1
            }
        }
    }

    private static func refusal(of request: LogRequest, _ verdict: PeerGate.Verdict) -> LogRefusal? {
        switch (verdict, request) {
        case (.refused(let refusal, _), _):
            refusal
        case (.admitted(let role?), .keepSnapshot), (.admitted(let role?), .dropSnapshot):
            role.mayKeepSnapshots
                ? nil : LogRefusal(.forbidden, "the role \(role.rawValue) may not keep or drop snapshots")
        case (.admitted, _):
            nil
        }
    }

    /// Ends the connection of a peer that is not admitted any more, a moment later: first it gets the reason.
    private func end(_ descriptor: Int32, _ reason: ConnectionGuard.Reason) {
        let connection = socket.connection(descriptor)
        loop.schedule(after: PeerLimits.farewell) { [weak socket] in socket?.end(connection, reason) }
    }

    /// A peer has left. An address that libzmq made for it is never given again.
    private func forget(_ peer: [UInt8]) {
        guard ReplyQueue.isMadeByLibrary(peer) else { return }
        if gone.count >= Self.maxGone { gone.removeAll(keepingCapacity: true) }
        gone.insert(peer)
    }
}

internal import EventSourcing
internal import ZeroMQ

/// The channels to one socket of each service of a log; requests go to the service that leads.
///
/// Not Sendable: it belongs to an actor on its loop. Section 8.4 of the specification says how the leader is found: a
/// service that does not lead has no socket, or refuses. What was not done is sent to the next one, and so is what may have
/// been done if that makes no difference. Requests that no service obeys now wait for one, until their deadline.
final class LogChannels {
    /// Between rounds in which every service that is connected was asked.
    private static let pause = 50...100
    /// A request that has waited this long, and at most twice as long, is slow.
    private static let slowLimit = Duration.milliseconds(500)

    private let loop: SocketLoop
    private let limit: Int
    private let channels: [RequestChannel]
    /// The one that leads, as far as is known.
    private var current = 0
    /// The requests that wait for a service that leads, in their order.
    private var waiting: [RequestAttempt] = []
    private var waitingBytes = 0
    /// The most bytes that the requests may have which wait for a service that leads.
    var maxWaitingBytes = 64 << 20
    private var isRetrying = false
    private var isRetryScheduled = false
    private var isClosed = false
    /// For each channel, the number of its next request when it was looked at last.
    private var seenNumbers: [UInt64]
    private var isWatching = false
    /// The services that were asked who leads and have not answered yet.
    private var asked: Set<Int> = []

    /// Is called on the loop's thread when a connection stands.
    var whenConnected: () -> Void = {}
    /// Is called on the loop's thread, again and again, while requests are slow at the services of these indices.
    var whenSlow: (_ indices: [Int]) -> Void = { _ in }
    /// Whether a reply is to be believed that the service of this index gave. Not called for replies without an epoch.
    var believes: (_ reply: LogReply, _ index: Int) -> Bool = { _, _ in true }

    init(
        to endpoints: [String], _ security: SocketSecurity, limit: Int, on loop: SocketLoop
    ) throws(ZeroMQError) {
        self.loop = loop
        self.limit = limit
        var channels: [RequestChannel] = []
        do throws(ZeroMQError) {
            for endpoint in endpoints {
                channels.append(
                    try RequestChannel(
                        to: endpoint, security, limit: limit, ofServices: endpoints.count, on: loop))
            }
        } catch {
            for channel in channels { channel.close() }
            throw error
        }
        self.channels = channels
        seenNumbers = channels.map(\.nextNumber)
        for (index, channel) in channels.enumerated() {
            channel.whenConnected = { [weak self] in self?.connected(index) }
        }
    }

    /// With how many services a connection stands.
    var connections: Int { channels.count(where: \.isConnected) }

    var isConnected: Bool { channels.contains(where: \.isConnected) }

    /// Where the service is that leads, as far as is known; nil: with none a connection stands.
    var leader: String? { channels[current].isConnected ? channels[current].endpoint : nil }

    /// Why no connection stands, as far as it is known; nil if one does.
    var rejection: String? { isConnected ? nil : channels.lazy.compactMap(\.rejection).first }

    var lateReplies: UInt64 { channels.reduce(0) { $0 + $1.lateReplies } }

    /// What to say while no connection stands.
    var absence: String {
        let silent = channels.filter { $0.rejection == nil }.map(\.endpoint)
        let reasons =
            channels.compactMap(\.rejection)
            + (silent.isEmpty ? [] : ["nobody answers at \(EventLogAddress.text(silent))"])
        return reasons.joined(separator: "; ")
    }

    /// Sends a request to the service that leads.
    func send(_ request: LogRequest, timeout: Duration, _ completion: @escaping RequestChannel.Completion) {
        // With one service there is none to go on to, and nothing to be kept for it.
        if channels.count == 1, !request.replyHasEpoch {
            return channels[0].send(request, timeout: timeout, completion)
        }
        let attempt = RequestAttempt(request, until: .now + timeout, completion)
        guard standsOrGoesOn() else {
            return attempt.end(.failure(EventLogError(.unavailable, absence)))
        }
        // Behind those that wait, on whose outcome it may stand.
        if waiting.isEmpty, !isRetrying { send(attempt) } else { wait(attempt) }
    }

    /// Sends at once what was asked for in this turn so far.
    func flush() { channels[current].flush() }

    /// A service was found to lead: requests go there from now on.
    func prefer(_ index: Int) {
        guard channels.indices.contains(index), channels[index].isConnected else { return }
        current = index
    }

    /// Closes the connections with all services but one, for they may never answer; then what was asked of them ends.
    func leaveAll(but index: Int) {
        for (other, channel) in channels.enumerated() where other != index { channel.reconnect() }
    }

    /// The service of this index leads: requests go there from now on, and so do those that wait for the reply of another
    /// one, which may be frozen or cut off, if it makes no difference that they may have been carried out.
    func move(to index: Int) {
        guard !isClosed, channels.indices.contains(index), channels[index].isConnected else { return }
        current = index
        for (other, channel) in channels.enumerated() where other != index { channel.leaveRepeatable() }
    }

    /// Asks the service of this index how the log stands, whichever leads: one question at a time.
    func ask(_ index: Int, timeout: Duration, _ completion: @escaping (LogReply) -> Void) {
        guard !isClosed, channels.indices.contains(index), channels[index].isConnected else { return }
        guard asked.insert(index).inserted else { return }
        channels[index].send(.status, timeout: timeout, isAside: true) { [weak self] result in
            self?.asked.remove(index)
            if case .success(let reply) = result { completion(reply) }
        }
    }

    func close() {
        isClosed = true
        for channel in channels { channel.close() }
        let left = waiting
        waiting = []
        waitingBytes = 0
        for attempt in left { attempt.end(.failure(EventLogError(.unavailable, "the client was closed"))) }
    }

    // MARK: finding the leader

    private func connected(_ index: Int) {
        // A service that does not lead binds nothing: so the one that appeared last is the one that leads now.
        current = index
        whenConnected()
        retry()
    }

    /// Goes on to the next service if no connection stands with this one.
    ///
    /// - Returns: whether a connection stands with the one that is the current one then.
    private func standsOrGoesOn() -> Bool {
        if !channels[current].isConnected { goOn() }
        return channels[current].isConnected
    }

    /// Goes on to the next service with which a connection stands, if there is another one.
    private func goOn() {
        for step in 1..<max(2, channels.count) {
            let next = (current + step) % channels.count
            guard channels[next].isConnected else { continue }
            current = next
            return
        }
    }

    /// Looks from time to time, while requests wait for replies, whether one is slow.
    private func watch() {
        guard channels.count > 1, !isWatching, !isClosed else { return }
        isWatching = true
        loop.schedule(after: Self.slowLimit) { [weak self] in
            guard let self else { return }
            isWatching = false
            let slow = channels.indices.filter { self.channels[$0].hasWaiting(before: self.seenNumbers[$0]) }
            seenNumbers = channels.map(\.nextNumber)
            if !slow.isEmpty { whenSlow(slow) }
            if channels.contains(where: { $0.hasWaiting() }) { watch() }
        }
    }

    // MARK: attempts

    private func send(_ attempt: RequestAttempt) {
        let index = current
        watch()
        channels[index].send(attempt.request, timeout: attempt.due - .now) { [weak self] result in
            guard let self else { return attempt.end(result) }
            ended(attempt, at: index, result)
        }
    }

    private func ended(_ attempt: RequestAttempt, at index: Int, _ result: Result<LogReply, EventLogError>) {
        switch result {
        case .success(let reply):
            guard attempt.request.replyHasEpoch, !believes(reply, index) else { return attempt.end(result) }
            notObeyed(
                attempt, by: index,
                EventLogError(.unavailable, "the log at \(channels[index].endpoint) does not lead any more"))
        case .failure(let error) where !error.concernsOneService:
            // One that did not answer in time may be frozen.
            if error.code == .outcomeUnknown, index == current { goOn() }
            attempt.end(result)
        case .failure(let error) where error.code == .outcomeUnknown && !attempt.request.isRepeatable:
            attempt.end(result)
        case .failure(let error):
            notObeyed(attempt, by: index, error)
        }
    }

    private func notObeyed(_ attempt: RequestAttempt, by index: Int, _ error: EventLogError) {
        guard channels.count > 1, !isClosed, .now < attempt.due else { return attempt.end(.failure(error)) }
        attempt.note(error)
        attempt.refusals += 1
        if index == current { goOn() }
        // Each is asked once; then there is a pause.
        let hasAnother = current != index && channels[current].isConnected && attempt.refusals < channels.count
        if hasAnother, waiting.isEmpty, !isRetrying { send(attempt) } else { wait(attempt) }
    }

    private func wait(_ attempt: RequestAttempt) {
        guard waiting.count < limit else {
            return attempt.end(.failure(EventLogError(.overloaded, "\(limit) requests wait for a log that leads")))
        }
        guard attempt.bytes <= maxWaitingBytes - waitingBytes else {
            let reason = "\(waitingBytes) bytes of requests wait for a log that leads, and \(maxWaitingBytes) may"
            return attempt.end(.failure(EventLogError(.overloaded, reason)))
        }
        waitingBytes += attempt.bytes
        waiting.append(attempt)
        scheduleRetry()
    }

    private func scheduleRetry() {
        guard !isRetryScheduled, !isClosed else { return }
        isRetryScheduled = true
        loop.schedule(after: .milliseconds(Int.random(in: Self.pause))) { [weak self] in
            guard let self else { return }
            isRetryScheduled = false
            retry()
        }
    }

    /// Retries the waiting requests in their order, and ends those whose deadline has passed.
    private func retry() {
        guard !isRetrying, !waiting.isEmpty else { return }
        isRetrying = true
        let attempts = waiting
        waiting = []
        waitingBytes = 0
        let now = ContinuousClock.now
        for attempt in attempts {
            if now >= attempt.due {
                attempt.end(.failure(attempt.failure ?? EventLogError(.unavailable, absence)))
            } else if standsOrGoesOn() {
                attempt.refusals = 0
                send(attempt)
            } else {
                wait(attempt)
            }
        }
        isRetrying = false
        if !waiting.isEmpty { scheduleRetry() }
    }
}

extension LogRequest {
    /// Whether the reply has the epoch of its lead.
    fileprivate var replyHasEpoch: Bool {
        switch self {
        case .status, .readLog: true
        case .append, .readStream, .outcome, .keepSnapshot, .dropSnapshot, .loadStream, .streamVersion: false
        }
    }
}

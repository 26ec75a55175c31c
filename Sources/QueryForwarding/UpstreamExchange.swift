internal import NIOCore
internal import NIOHTTP1

/// Who takes the answer to a forwarded request, as it comes. Everything happens on the exchange's event loop.
protocol UpstreamReader: AnyObject {
    /// The head of the answer.
    func take(_ head: HTTPResponseHead)
    /// A part of the body.
    ///
    /// - Returns: whether more may follow at once; where not, the reader tells when, by ``UpstreamExchange/goOn()``.
    func take(_ part: ByteBuffer) -> Bool
    /// No more has come for now.
    ///
    /// - Returns: as ``take(_:)-(ByteBuffer)``.
    func takeBreath() -> Bool
    /// The answer is complete, or one that has no end of its own was ended.
    func finish()
    /// There will be no answer, or no more of it.
    func fail(_ error: UpstreamError)
}

/// Why a forwarded request has no answer, or no whole one.
enum UpstreamError: Error {
    /// No connection was to be had in time.
    case noConnection(last: (any Error)?)
    /// There was a connection, but no answer in time.
    case noAnswer
    /// The query service takes the request for one that is meant for another server.
    case misdirected
    /// The reader took nothing for too long.
    case notRead
    /// The connection ended before the answer did.
    case brokenOff((any Error)?)
    /// The gateway stops.
    case closed
    /// The log did not tell its head in time, so it is not known what an answer must show.
    case headUnknown
}

/// One forwarded request, until its answer has ended.
///
/// Not Sendable: it belongs to one event loop.
final class UpstreamExchange {
    private(set) var head: HTTPRequestHead
    /// Whether an answer was asked for that goes on for ever.
    let mayBeFeed: Bool
    /// Whether the answer goes on for ever, so that it must not keep one of the connections that others wait for.
    private(set) var isFeed = false
    /// Until when the request must be on its way.
    private(set) var connectionDeadline: NIODeadline
    /// Until when something must happen: the next part of the answer must come, or the reader must take more; nil where a
    /// feed has nothing to tell.
    private(set) var deadline: NIODeadline?
    /// Which limit it counts for.
    var permit = QueryPermit.query
    /// The connection that it is on.
    var connection: UpstreamConnection?

    /// A wait for a position that the log does not hold yet, or for the log's head, before the query service is asked.
    struct Wait {
        /// What the answer must show at least for the client's sake.
        let minimum: UInt64
        /// What it must show for that of others; nil: not known yet.
        let required: () -> UInt64?
        /// Until when it lasts.
        var deadline: NIODeadline
        /// Told once that it is over.
        let end: () -> Void

        var isReached: Bool { required().map { $0 >= minimum } ?? false }
    }

    private enum Phase {
        case asking
        case flowing
        case heldUp
        case over
    }

    private let reader: any UpstreamReader
    private let patience: TimeAmount
    private let connectionPatience: TimeAmount
    private var wait: Wait?
    private var phase = Phase.asking
    /// Its client may be gone.
    private var isHurried = false

    /// - Parameters:
    ///   - patience: how long the head of the answer may take, and each part after it.
    ///   - connectionPatience: how long a connection may take.
    ///   - wait: what to wait for before.
    init(
        _ head: HTTPRequestHead, mayBeFeed: Bool, patience: TimeAmount, connectionPatience: TimeAmount,
        wait: Wait? = nil, for reader: any UpstreamReader
    ) {
        let now = NIODeadline.now()
        self.head = head
        self.mayBeFeed = mayBeFeed
        self.reader = reader
        self.patience = patience
        self.connectionPatience = connectionPatience
        self.wait = wait
        deadline = now + patience
        connectionDeadline = now + min(patience, connectionPatience)
    }

    var isOver: Bool { phase == .over }

    /// Whether nobody has got anything of the answer, so that the request may be sent again.
    var isUnanswered: Bool { phase == .asking }

    /// A reader may take so long for a part; then it is cut off.
    private static let longestStall = TimeAmount.seconds(30)
    /// A client that may be gone is asked for so long.
    private static let longestHaste = TimeAmount.seconds(1)

    // MARK: waiting for a position

    /// Whether it waits, and needs no connection.
    var isParked: Bool { wait != nil }

    /// Whether there is nothing to wait for any more.
    func mayLeavePark(_ now: NIODeadline) -> Bool {
        guard let wait else { return true }
        return isOver || wait.deadline <= now || wait.isReached
    }

    /// The query service is to be asked, and to wait only for what is left of the time. If it is not known what the answer
    /// must show, the exchange ends here.
    func leavePark(_ now: NIODeadline) {
        guard let wait else { return }
        endWait()
        guard let required = wait.required() else { return fail(.headUnknown) }
        head.headers.replaceOrAdd(name: "daybook-min-position", value: String(max(wait.minimum, required)))
        let left = max(.zero, wait.deadline - now)
        head.headers.replaceOrAdd(name: "daybook-wait", value: "\(left.nanoseconds / 1_000_000)ms")
        deadline = now + (isHurried ? min(patience, Self.longestHaste) : patience)
        connectionDeadline = now + min(patience, connectionPatience)
    }

    /// The wait is over, if there is one.
    func endWait() {
        guard let wait else { return }
        self.wait = nil
        wait.end()
    }

    /// A client that may be gone is not waited for; one that has only closed its end still gets an answer.
    func hurry() {
        let now = NIODeadline.now()
        isHurried = true
        wait?.deadline = now
        // A feed whose answer has begun has no deadline, and one that is asked for is asked for like any other query.
        if phase == .asking, !isParked, let deadline {
            self.deadline = min(deadline, now + Self.longestHaste)
        }
    }

    // MARK: the reader's side

    /// The reader takes more again.
    func goOn() {
        guard phase == .heldUp else { return }
        flow()
        connection?.goOnReading()
    }

    /// Nobody wants the answer any more: the reader hears nothing further.
    func cancel() {
        phase = .over
        connection?.close()
    }

    // MARK: the connection's side

    func take(_ head: HTTPResponseHead) {
        guard phase == .asking else { return }
        // It speaks of the gateway's request, not of the client's.
        guard head.status != .misdirectedRequest else { return fail(.misdirected) }
        isFeed = mayBeFeed && head.headers.first(name: "content-type")?.hasPrefix("text/event-stream") == true
        flow()
        reader.take(head)
    }

    private func flow() {
        phase = .flowing
        deadline = isFeed ? nil : .now() + patience
    }

    /// - Returns: false where no more is wanted for now.
    func take(_ part: ByteBuffer) -> Bool {
        guard phase == .flowing || phase == .heldUp else { return true }
        guard !reader.take(part) else {
            flow()
            return true
        }
        holdUp()
        return false
    }

    /// - Returns: false if no more is wanted for now.
    func takeBreath() -> Bool {
        guard phase == .flowing || phase == .heldUp else { return true }
        if reader.takeBreath() { return true }
        holdUp()
        return false
    }

    private func holdUp() {
        guard phase == .flowing else { return }
        phase = .heldUp
        deadline = .now() + Self.longestStall
    }

    /// The answer is complete.
    func finish() {
        connection = nil
        let last = phase
        phase = .over
        switch last {
        case .flowing, .heldUp: reader.finish()
        case .asking: reader.fail(.brokenOff(nil))
        case .over: break
        }
    }

    /// There will be no answer, or no more of it.
    func fail(_ error: UpstreamError) {
        guard phase != .over else { return }
        phase = .over
        reader.fail(error)
    }

    /// A deadline has passed: it ends, and with it its connection.
    func expire() {
        fail(phase == .heldUp ? .notRead : .noAnswer)
        connection?.close()
    }

    /// The gateway stops, so an answer without an end is ended here.
    func endFeed() {
        guard isFeed || (mayBeFeed && phase == .asking) else { return }
        let connection = connection
        if isFeed { finish() } else { fail(.closed) }
        connection?.close()
    }
}

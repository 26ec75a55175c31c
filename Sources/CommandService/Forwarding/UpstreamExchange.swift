internal import NIOCore
internal import NIOHTTP1

/// One forwarded request, until its answer is taken.
///
/// Unchecked: used on its event loop only.
final class UpstreamExchange: @unchecked Sendable {
    let eventLoop: any EventLoop
    let head: HTTPRequestHead
    /// The answer may go on for ever, so it must not keep one of the connections that others wait for.
    let isFeed: Bool
    /// Until when the answer must have come: the whole of it, or the head of one that is streamed.
    let deadline: NIODeadline
    /// Until when the request must be on its way.
    let connectionDeadline: NIODeadline
    /// The connection that it is on.
    var connection: UpstreamConnection?

    private enum State {
        /// Not begun yet.
        case new
        case asking(CheckedContinuation<UpstreamAnswer, any Error>)
        /// The head came, and so much of the body.
        case collecting(CheckedContinuation<UpstreamAnswer, any Error>, HTTPResponseHead, ByteBuffer)
        case streaming(UpstreamBody.Source)
        case over
    }

    private var state = State.new

    init(
        _ head: HTTPRequestHead, isFeed: Bool, deadline: NIODeadline, connectionDeadline: NIODeadline,
        on eventLoop: any EventLoop
    ) {
        self.head = head
        self.isFeed = isFeed
        self.deadline = deadline
        self.connectionDeadline = connectionDeadline
        self.eventLoop = eventLoop
    }

    var isOver: Bool { if case .over = state { true } else { false } }

    /// Whether nobody has got anything of the answer, so that the request may be sent again.
    var isUnanswered: Bool { if case .asking = state { true } else { false } }

    /// Whether the answer is on its way to the client, at the client's own pace.
    var isStreaming: Bool { if case .streaming = state { true } else { false } }

    /// Begins; false where it was cancelled before.
    func begin(_ continuation: CheckedContinuation<UpstreamAnswer, any Error>) -> Bool {
        guard case .new = state else {
            continuation.resume(throwing: CancellationError())
            return false
        }
        state = .asking(continuation)
        return true
    }

    /// Nobody wants the answer any more.
    func cancel() {
        fail(CancellationError())
        connection?.close()
    }

    // MARK: the answer

    /// - Parameter largest: the longest body that is taken in as a whole.
    func take(_ head: HTTPResponseHead, largest: Int) {
        guard case .asking(let continuation) = state else { return }
        let announced = head.headers.first(name: "content-length").flatMap { Int($0) }
        let isWhole = announced.map { $0 <= largest } ?? !head.status.mayHaveResponseBody
        guard !isWhole else { return state = .collecting(continuation, head, ByteBuffer()) }
        let stream = UpstreamBody.makeSequence(
            backPressureStrategy: UpstreamBodyDelegate.watermarks, finishOnDeinit: true,
            delegate: UpstreamBodyDelegate(exchange: self))
        state = .streaming(stream.source)
        continuation.resume(returning: UpstreamAnswer(head: head, body: .stream(stream.sequence)))
    }

    /// Takes a part of the body; false where no more is wanted for now.
    func take(_ part: ByteBuffer) -> Bool {
        switch state {
        case .collecting(let continuation, let head, var body):
            state = .over
            // Mostly all that there is, and then it is handed on as it came.
            if body.readableBytes == 0 { body = part } else { body.writeImmutableBuffer(part) }
            state = .collecting(continuation, head, body)
            return true
        case .streaming(let source):
            return source.yield(part) == .produceMore
        case .new, .asking, .over:
            return true
        }
    }

    /// The answer is complete.
    func finish() {
        let last = state
        state = .over
        connection = nil
        switch last {
        case .collecting(let continuation, let head, let body):
            continuation.resume(returning: UpstreamAnswer(head: head, body: .whole(body)))
        case .streaming(let source): source.finish()
        case .asking(let continuation): continuation.resume(throwing: UpstreamError.brokenOff(nil))
        case .new, .over: break
        }
    }

    /// There will be no answer, or no more of it.
    func fail(_ error: any Error) {
        let last = state
        state = .over
        switch last {
        case .asking(let continuation), .collecting(let continuation, _, _): continuation.resume(throwing: error)
        case .streaming(let source): source.finish(error)
        case .new, .over: break
        }
    }
}

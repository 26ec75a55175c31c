internal import NIOCore
internal import NIOHTTP1

/// What came back for a forwarded request.
struct UpstreamAnswer: Sendable {
    enum Body: Sendable {
        /// All of it; it came as fast as the connection gave it.
        case whole(ByteBuffer)
        /// What is too long to be held, or has no announced end: it comes only as fast as it is read.
        case stream(UpstreamBody)
    }

    let head: HTTPResponseHead
    let body: Body
}

/// The parts of a body that comes while it is read. Nothing more is taken from the connection while a few parts wait.
///
/// Who stops reading, or drops it unread, ends the connection.
typealias UpstreamBody = NIOThrowingAsyncSequenceProducer<
    ByteBuffer, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, UpstreamBodyDelegate
>

/// Tells the connection that a body is read, or no longer wanted.
struct UpstreamBodyDelegate: NIOAsyncSequenceProducerDelegate {
    /// A part is at most what one read of the socket gives.
    static let watermarks = NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark(
        lowWatermark: 1, highWatermark: 4)

    let exchange: UpstreamExchange

    func produceMore() {
        exchange.eventLoop.execute { exchange.connection?.goOnReading() }
    }

    func didTerminate() {
        // Also called where the answer came to its end; then it has no connection any more.
        exchange.eventLoop.execute { exchange.cancel() }
    }
}

/// Why a forwarded request has no answer.
enum UpstreamError: Error {
    /// No connection was to be had in time.
    case noConnection(last: (any Error)?)
    /// There was a connection, but no answer in time.
    case noAnswer
    /// The connection ended before the answer did.
    case brokenOff((any Error)?)
    /// The gateway stops.
    case closed
}

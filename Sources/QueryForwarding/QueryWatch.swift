internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix
package import ServiceSupport
internal import Synchronization

/// Whether the query service can be reached: it is asked for its `/livez`, again and again.
///
/// Asked on a connection of its own, so that queries which wait, however many, don't make it look unreachable.
package final class QueryWatch: Sendable {
    private static let pause = Duration.seconds(1)
    /// While it can't be reached, so that its start is noticed soon.
    private static let shortPause = Duration.milliseconds(100)
    private static let timeout = TimeAmount.seconds(2)
    /// It counts as gone only after this long without an answer: a restart that is shorter changes nothing.
    private static let longestSilence = Duration.seconds(4)

    private let eventLoop: any EventLoop
    private let pool: NIOLoopBoundBox<UpstreamPool>
    private let lastHeard = Mutex<ContinuousClock.Instant?>(nil)
    private let lastFailure = Mutex<String?>(nil)

    /// - Parameter tls: what it speaks TLS with; nil: it does not.
    package init(of address: HTTPAddress, tls: ReloadedTLS? = nil) {
        eventLoop = MultiThreadedEventLoopGroup.singleton.next()
        pool = .makeBoxSendingValue(UpstreamPool(address, tls: tls, on: eventLoop), eventLoop: eventLoop)
    }

    /// Whether it has answered lately.
    package var isReachable: Bool { lastHeard.withLock { $0 }.map { .now - $0 < Self.longestSilence } ?? false }

    /// Why it cannot be reached, if the handshake of TLS fails.
    package var handshakeFailure: String? { lastFailure.withLock { $0 } }

    /// Asks until the task is cancelled, and then ends at once.
    package func run() async {
        await withTaskCancellationHandler {
            while !Task.isCancelled {
                switch await ask() {
                case .there: lastHeard.withLock { $0 = .now }
                case .failed(let error): lastFailure.withLock { $0 = UpstreamHandshake.failure(in: error) }
                case .notThere: break
                }
                // Nothing tells when a server comes or goes, so it is asked; cancelled when the service stops.
                do { try await Task.sleep(for: isReachable ? Self.pause : Self.shortPause) } catch { return }
            }
        } onCancel: {
            // A question that waits for its answer is answered by this: no.
            eventLoop.execute { [pool] in pool.value.close() }
        }
    }

    private enum Reply {
        case there
        case notThere
        case failed(UpstreamError)
    }

    private func ask() async -> Reply {
        let head = HTTPRequestHead(
            version: .http1_1, method: .GET, uri: "/livez", headers: ["host": QueryForwarder.host])
        return await withCheckedContinuation { continuation in
            eventLoop.execute { [pool] in
                pool.value.start(
                    UpstreamExchange(
                        head, mayBeFeed: false, patience: Self.timeout, connectionPatience: .seconds(1),
                        for: Listener(continuation)))
            }
        }
    }

    /// Takes the answer.
    private final class Listener: UpstreamReader {
        private let continuation: CheckedContinuation<Reply, Never>
        private var isOK = false

        init(_ continuation: CheckedContinuation<Reply, Never>) { self.continuation = continuation }

        func take(_ head: HTTPResponseHead) { isOK = head.status == .ok }
        func take(_ part: ByteBuffer) -> Bool { true }
        func takeBreath() -> Bool { true }
        func finish() { continuation.resume(returning: isOK ? .there : .notThere) }
        func fail(_ error: UpstreamError) { continuation.resume(returning: .failed(error)) }
    }
}

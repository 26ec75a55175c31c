import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceSupport
import Synchronization

@testable import QueryForwarding

/// Asks through a pool as the gateway's handlers do, from anywhere.
final class UpstreamClient: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let eventLoop: any EventLoop
    private let pools: UpstreamPools

    init(_ address: HTTPAddress) {
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        eventLoop = group.any()
        pools = UpstreamPools(address, group: group)
    }

    func close() async throws {
        try await closePool()
        try await group.shutdownGracefully()
    }

    func closePool() async throws { try await pools.close() }

    /// Returns once they are ended.
    func endFeeds() async throws {
        pools.endFeeds()
        try await eventLoop.submit {}.get()
    }

    /// Sends a request.
    func ask(
        _ path: String, isFeed: Bool = false, taking appetite: Answer.Appetite = .all,
        patience: TimeAmount = .seconds(10), connectionPatience: TimeAmount = .seconds(1)
    ) async throws -> Answer {
        let answer = Answer(appetite, on: eventLoop)
        let pools = pools
        try await eventLoop.submit {
            let head = HTTPRequestHead(version: .http1_1, method: .GET, uri: path, headers: ["host": "test"])
            let exchange = UpstreamExchange(
                head, mayBeFeed: isFeed, patience: patience, connectionPatience: connectionPatience,
                for: Answer.Reader(answer))
            answer.exchange.value = exchange
            pools.pool(of: answer.eventLoop).start(exchange)
        }.get()
        return answer
    }

    /// The body of the answer to a request.
    func text(
        _ path: String, isFeed: Bool = false, patience: TimeAmount = .seconds(10),
        connectionPatience: TimeAmount = .seconds(1)
    ) async throws -> String {
        try await ask(path, isFeed: isFeed, patience: patience, connectionPatience: connectionPatience).body()
    }

    /// An answer, as far as it has come.
    final class Answer: Sendable {
        /// How much is taken at first.
        enum Appetite {
            case all
            case little
        }

        private struct State {
            var text = ""
            var takesAll: Bool
        }

        let eventLoop: any EventLoop
        let exchange: NIOLoopBoundBox<UpstreamExchange?>
        private let state: Mutex<State>
        private let end: EventLoopPromise<Void>

        init(_ appetite: Appetite, on eventLoop: any EventLoop) {
            self.eventLoop = eventLoop
            exchange = .makeEmptyBox(eventLoop: eventLoop)
            state = Mutex(State(takesAll: appetite == .all))
            end = eventLoop.makePromise()
        }

        var text: String { state.withLock(\.text) }

        /// All of it; an error where it was broken off.
        func body() async throws -> String {
            try await end.futureResult.get()
            return text
        }

        func takeAll() async throws {
            state.withLock { $0.takesAll = true }
            try await eventLoop.submit { self.exchange.value?.goOn() }.get()
        }

        func cancel() async throws {
            try await eventLoop.submit { self.exchange.value?.cancel() }.get()
            end.fail(CancellationError())
        }

        final class Reader: UpstreamReader {
            private let answer: Answer

            init(_ answer: Answer) { self.answer = answer }

            func take(_ head: HTTPResponseHead) {}

            func take(_ part: ByteBuffer) -> Bool {
                answer.state.withLock { state in
                    state.text += String(buffer: part)
                    return state.takesAll
                }
            }

            func takeBreath() -> Bool { true }

            func finish() { answer.end.succeed() }

            func fail(_ error: UpstreamError) { answer.end.fail(error) }
        }
    }
}

import NIOCore
import NIOPosix
import ServiceSupport
import Synchronization

/// An HTTP server that answers with the very bytes of a script, breaks off where the script says so, and counts.
final class ScriptedServer: Sendable {
    /// The number of the connection and of the request on it, both from 0, and its head.
    struct Request: Sendable {
        let connection: Int
        let number: Int
        let head: String
    }

    enum Act: Sendable {
        case send(String)
        case close
        /// A body in parts of 64 KiB, as fast as the other side takes it.
        case pour(parts: Int)
    }

    struct Counts: Sendable {
        var opened = 0
        var closed = 0
        var requests = 0
        var pouredBytes = 0
    }

    private let channel: any Channel
    private let shared: Shared

    fileprivate final class Shared: Sendable {
        let counts = Mutex(Counts())
        let script: @Sendable (Request) -> [Act]

        init(_ script: @escaping @Sendable (Request) -> [Act]) { self.script = script }
    }

    var counts: Counts { shared.counts.withLock { $0 } }

    var address: HTTPAddress {
        get throws {
            guard let port = channel.localAddress?.port, let address = HTTPAddress("127.0.0.1:\(port)") else {
                throw ChannelError.unknownLocalAddress
            }
            return address
        }
    }

    init(_ script: @escaping @Sendable (Request) -> [Act]) async throws {
        let shared = Shared(script)
        self.shared = shared
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 256)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Handler(shared))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
    }

    func close() async throws { try await channel.close() }

    /// The beginning of a feed, with its first chunks.
    static func beginning(ofFeed chunks: String) -> Act {
        .send("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n\(chunks)")
    }

    /// An answer with a length.
    static func answer(_ body: String, _ fields: String = "") -> Act {
        .send("HTTP/1.1 200 OK\r\n\(fields)Content-Length: \(body.utf8.count)\r\n\r\n\(body)")
    }

    private final class Handler: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias OutboundOut = ByteBuffer

        private let shared: Shared
        private let connection: Int
        private var requests = 0
        private var bytes = ""

        init(_ shared: Shared) {
            self.shared = shared
            connection = shared.counts.withLock { counts in
                counts.opened += 1
                return counts.opened - 1
            }
        }

        func channelInactive(context: ChannelHandlerContext) { shared.counts.withLock { $0.closed += 1 } }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            bytes += String(buffer: unwrapInboundIn(data))
            while let end = bytes.firstRange(of: "\r\n\r\n") {
                let request = Request(connection: connection, number: requests, head: String(bytes[..<end.lowerBound]))
                bytes.removeSubrange(..<end.upperBound)
                requests += 1
                shared.counts.withLock { $0.requests += 1 }
                for act in shared.script(request) { perform(act, context) }
            }
        }

        private func perform(_ act: Act, _ context: ChannelHandlerContext) {
            switch act {
            case .send(let text):
                context.writeAndFlush(wrapOutboundOut(ByteBuffer(string: text)), promise: nil)
            case .close:
                context.close(promise: nil)
            case .pour(let parts):
                pour(parts, context)
            }
        }

        /// The next part once the last is with the system.
        private func pour(_ parts: Int, _ context: ChannelHandlerContext) {
            guard parts > 0 else { return }
            let part = ByteBuffer(repeating: UInt8(ascii: "x"), count: 1 << 16)
            context.writeAndFlush(wrapOutboundOut(part)).assumeIsolated().whenSuccess {
                self.shared.counts.withLock { $0.pouredBytes += 1 << 16 }
                self.pour(parts - 1, context)
            }
        }
    }
}

public import EventSourcing
internal import HTTPTypes
public import Hummingbird
public import Logging
internal import NIOCore
internal import ServiceLifecycle
internal import ServiceSupport
internal import Synchronization

/// A feed of the log over server-sent events (HTML Living Standard, section 9.2): it begins after a position and never
/// leaves a record out.
///
/// A feed holds no queue of its own, only the position that it has come to, and fetches what follows. So any number of
/// slow readers costs no memory; one that takes nothing for ``longestStall`` is cut off, and resumes where it was.
public struct LiveFeed: Sendable {
    /// After so long without a record the feed says that it lives.
    public static let heartbeatInterval = Duration.seconds(10)
    /// A reader may take so long for a part of a feed.
    public static let longestStall = Duration.seconds(30)

    private static let recordsOfAPart = 200

    private let source: EventSource
    private let logger: Logger

    /// A feed from a source.
    public init(_ source: EventSource, logger: Logger) {
        self.source = source
        self.logger = logger
    }

    /// The answer that carries the feed.
    ///
    /// - Parameters:
    ///   - position: where it begins: after this.
    ///   - event: how a record is told: its `event` and its `data`, or nil where the feed passes over it.
    public func response(
        after position: UInt64,
        _ event: @escaping @Sendable (RecordedEvent) throws -> (name: String, data: [UInt8])?
    ) -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-cache"],
            body: ResponseBody { writer in
                let box = WriterBox(writer)
                try await run(after: position, into: box, event)
                try await box.finish()
            })
    }

    private func run(
        after position: UInt64, into writer: WriterBox,
        _ event: @escaping @Sendable (RecordedEvent) throws -> (name: String, data: [UInt8])?
    ) async throws {
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    // A service that stops ends its feeds at once; their readers resume elsewhere.
                    try await cancelWhenGracefulShutdown { try await send(after: position, into: writer, event) }
                }
                group.addTask { try await watch(writer) }
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch let stall as Stall {
            logger.warning(
                "a reader of a feed is cut off: it took nothing for too long",
                metadata: ["limit": "\(Self.longestStall)"])
            throw stall
        } catch is CancellationError {
            return
        }
    }

    private func send(
        after position: UInt64, into writer: WriterBox,
        _ event: (RecordedEvent) throws -> (name: String, data: [UInt8])?
    ) async throws {
        var position = position
        try await writer.write(ByteBuffer(string: "retry: 1000\n: after position \(position)\n\n"))
        while !Task.isCancelled {
            guard let head = try await source.waitForRecord(after: position, patience: Self.heartbeatInterval) else {
                try Task.checkCancellation()
                try await writer.write(ByteBuffer(string: ": heartbeat at position \(position)\n\n"))
                continue
            }
            let records = try await source.records(after: position, upTo: head, limit: Self.recordsOfAPart)
            var part = ByteBuffer()
            for record in records {
                if let (name, data) = try event(record) {
                    part.writeString("id: \(record.position)\nevent: \(name)\ndata: ")
                    part.writeBytes(data)
                    part.writeString("\n\n")
                }
                position = record.position
            }
            if part.readableBytes > 0 { try await writer.write(part) }
        }
    }

    private func watch(_ writer: WriterBox) async throws {
        while true {
            try await Task.sleep(for: .seconds(1))
            if let begun = writer.writingSince, .now - begun > Self.longestStall { throw Stall() }
        }
    }

    private struct Stall: Error {}

    /// The server's writer, and since when it has been waiting for the reader.
    private final class WriterBox: @unchecked Sendable {
        // Only the task that sends uses the writer, and the one that made it, before and after.
        private var writer: any ResponseBodyWriter
        private let begun = Mutex<ContinuousClock.Instant?>(nil)

        init(_ writer: any ResponseBodyWriter) { self.writer = writer }

        var writingSince: ContinuousClock.Instant? { begun.withLock { $0 } }

        func write(_ buffer: ByteBuffer) async throws {
            begun.withLock { $0 = .now }
            defer { begun.withLock { $0 = nil } }
            try await writer.write(buffer)
        }

        func finish() async throws { try await writer.finish(nil) }
    }
}

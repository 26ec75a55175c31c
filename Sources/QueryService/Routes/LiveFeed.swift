public import EventSourcing
internal import HTTPTypes
public import Hummingbird
public import Logging
internal import NIOCore
internal import ServiceSupport

/// A feed of the log over server-sent events (HTML Living Standard, section 9.2): it begins after a position and never
/// leaves a record out.
///
/// A feed holds no queue of its own, only the position that it has come to, and fetches what follows. So any number of
/// slow readers costs no memory; one that takes nothing for ``FeedWriter/longestStall`` is cut off, and
/// resumes where it was.
public struct LiveFeed: Sendable {
    /// After so long without a record the feed says that it lives.
    public static let heartbeatInterval = Duration.seconds(10)

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
            body: FeedWriter.body(logger: logger) { try await send(after: position, into: $0, event) })
    }

    private func send(
        after position: UInt64, into writer: FeedWriter,
        _ event: (RecordedEvent) throws -> (name: String, data: [UInt8])?
    ) async throws {
        var position = position
        try await writer.write(ByteBuffer(string: "retry: 1000\n: after position \(position)\n\n"))
        let generation = source.generation
        var written = ContinuousClock.now
        while !Task.isCancelled {
            let rest = Self.heartbeatInterval - (.now - written)
            let head = try await source.waitForRecord(after: position, patience: max(rest, .milliseconds(1)))
            var part = ByteBuffer()
            if let head {
                for record in try await source.records(after: position, upTo: head, limit: Self.recordsOfAPart) {
                    if let (name, data) = try event(record) {
                        part.writeString("id: \(record.position)\nevent: \(name)\ndata: ")
                        part.writeBytes(data)
                        part.writeString("\n\n")
                    }
                    position = record.position
                }
            }
            try Task.checkCancellation()
            // Where what was sent is history no more, the feed must not go on as if it were.
            guard source.generation == generation else { return }
            // Also where records come and a filter lets none through.
            if part.readableBytes == 0, .now - written >= Self.heartbeatInterval {
                part.writeString(": heartbeat at position \(position)\n\n")
            }
            guard part.readableBytes > 0 else { continue }
            try await writer.write(part)
            written = .now
        }
    }
}

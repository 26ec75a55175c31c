public import EventSourcing
internal import HTTPTypes
public import Hummingbird
public import Logging
internal import NIOCore
internal import ServiceSupport

/// A feed of the log over server-sent events (HTML Living Standard, section 9.2): it begins after a place of the log's
/// history and never leaves a record out. If the log goes back, it ends.
///
/// A feed holds no queue of its own, only its place, and fetches what follows. So any number of slow readers costs no
/// memory; one that takes nothing for ``FeedWriter/longestStall`` is cut off, and resumes where it was.
public struct LiveFeed: Sendable {
    /// After so long without a record the feed says that it lives.
    public static let heartbeatInterval = Duration.seconds(10)

    private static let recordsOfAPart = 200
    /// Once a part has so many bytes, it is sent.
    private static let bytesOfAPart = 64 << 10

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
    ///   - place: where it begins: after this.
    ///   - tellingID: whether the feed begins by telling its reader the place, since the reader does not hold it.
    ///   - view: what its reader may see.
    ///   - event: how a record is told: its `event` and its `data`, or nil where the feed passes over it.
    public func response(
        after place: EventSource.Place, tellingID: Bool = false, showing view: LogView = .whole,
        _ event: @escaping @Sendable (RecordedEvent) throws -> (name: String, data: [UInt8])?
    ) -> Response {
        Response(
            status: .ok, headers: [.contentType: "text/event-stream", .cacheControl: "no-cache"],
            body: FeedWriter.body(logger: logger) { writer in
                var beginning = "retry: 1000\n: after position \(place.position)\n"
                // An event without data is not dispatched, but its id counts (HTML Living Standard, section 9.2.6).
                if tellingID { beginning += "id: \(view.point(of: place, isShown: false))\n" }
                try await writer.write(ByteBuffer(string: beginning + "\n"))
                try await send(after: place, showing: view, into: writer, event)
            })
    }

    private func send(
        after place: EventSource.Place, showing view: LogView, into writer: FeedWriter,
        _ event: (RecordedEvent) throws -> (name: String, data: [UInt8])?
    ) async throws {
        var place = place
        var written = ContinuousClock.now
        while !Task.isCancelled {
            let rest = Self.heartbeatInterval - (.now - written)
            let head = try await source.waitForRecord(after: place.position, patience: max(rest, .milliseconds(1)))
            var part = ByteBuffer()
            if let head {
                // If what was sent is history no more, the feed must not go on as if it were.
                guard
                    let records = try await source.records(
                        after: &place, upTo: head, limit: Self.recordsOfAPart, shownBy: view)
                else { return }
                for record in records {
                    guard let (name, data) = try event(record) else { continue }
                    Self.write(record, name, data, to: &part)
                    guard part.readableBytes >= Self.bytesOfAPart else { continue }
                    try await writer.write(part)
                    written = .now
                    part.clear()
                }
            }
            try Task.checkCancellation()
            guard source.isCurrent(place) else { return }
            // Also where records come and a filter lets none through.
            if part.readableBytes == 0, .now - written >= Self.heartbeatInterval {
                part.writeString(": heartbeat at position \(place.position)\n\n")
            }
            guard part.readableBytes > 0 else { continue }
            try await writer.write(part)
            written = .now
        }
    }

    /// The data is a line of JSON; were it more, each line would be a field of its own.
    private static func write(_ record: RecordedEvent, _ name: String, _ data: [UInt8], to part: inout ByteBuffer) {
        part.writeString("id: \(HistoryPoint(position: record.position, hash: record.hash))\nevent: \(name)\n")
        for line in data.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
            part.writeString("data: ")
            part.writeBytes(line)
            part.writeString("\n")
        }
        part.writeString("\n")
    }
}

public import Hummingbird
public import Logging
public import NIOCore
internal import ServiceLifecycle
internal import Synchronization

/// Writes an answer part by part, as a feed: until its source ends, or its reader is gone or takes nothing for too long.
///
/// Unchecked, because the server's writer is of a type that is not Sendable and comes as `inout`, so that no type can say
/// who has it: the task that sends, alone, while the one that made it waits for its end.
public final class FeedWriter: @unchecked Sendable {
    /// A reader may take so long for a part of an answer; then it is cut off. The reader of a feed resumes elsewhere in it.
    public static let longestStall = Duration.seconds(30)

    // Only the task that sends uses the writer, and the one that made it, before and after.
    private var writer: any ResponseBodyWriter
    private let begun = Mutex<ContinuousClock.Instant?>(nil)

    private init(_ writer: any ResponseBodyWriter) { self.writer = writer }

    private struct Stall: Error {}

    /// The body of a feed, which `send` writes: it has no end of its own, and ends when the service stops.
    public static func body(logger: Logger, _ send: @escaping @Sendable (FeedWriter) async throws -> Void)
        -> ResponseBody
    {
        ResponseBody { writer in
            let feed = FeedWriter(writer)
            do {
                // A service that stops ends its feeds at once.
                try await feed.run(logger: logger) { feed in
                    try await cancelWhenGracefulShutdown { try await send(feed) }
                }
            } catch is CancellationError {}
            try await feed.writer.finish(nil)
        }
    }

    /// A body that `send` writes to its end, also while the service stops. Where it is broken off, so is the connection.
    public static func wholeBody(logger: Logger, _ send: @escaping @Sendable (FeedWriter) async throws -> Void)
        -> ResponseBody
    {
        ResponseBody { writer in
            let feed = FeedWriter(writer)
            try await feed.run(logger: logger, send)
            try await feed.writer.finish(nil)
        }
    }

    /// Writes a part; returns once the connection takes more.
    public func write(_ part: ByteBuffer) async throws {
        begun.withLock { $0 = .now }
        defer { begun.withLock { $0 = nil } }
        try await writer.write(part)
    }

    private func run(logger: Logger, _ send: @escaping @Sendable (FeedWriter) async throws -> Void) async throws {
        do {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await send(self) }
                group.addTask { try await self.watch() }
                defer { group.cancelAll() }
                try await group.next()
            }
        } catch let stall as Stall {
            logger.warning(
                "a reader of an answer is cut off: it took nothing for too long",
                metadata: ["limit": "\(Self.longestStall)"])
            throw stall
        }
    }

    /// Looks once a second, instead of setting a timer for each part; cancelled when the feed ends.
    private func watch() async throws {
        while true {
            try await Task.sleep(for: .seconds(1))
            if let begun = begun.withLock({ $0 }), .now - begun > Self.longestStall { throw Stall() }
        }
    }
}

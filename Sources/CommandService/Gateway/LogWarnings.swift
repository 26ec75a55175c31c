internal import EventLogProtocol
internal import EventSourcing
internal import Logging
internal import Synchronization

/// Warnings that the log did not obey: while it cannot, one may be due for every command. The first of a kind is logged
/// at once, and then at most one in ten seconds, with how many came meanwhile.
final class LogWarnings: Sendable {
    private static let interval = Duration.seconds(10)

    private struct Kind {
        var next: ContinuousClock.Instant
        var unlogged: UInt64 = 0
    }

    private let kinds = Mutex<[EventLogError.Code: Kind]>([:])

    func add(_ error: EventLogError, of stream: StreamID, to logger: Logger) {
        let now = ContinuousClock.now
        let others: UInt64? = kinds.withLock { kinds in
            var kind = kinds[error.code] ?? Kind(next: now)
            defer { kinds[error.code] = kind }
            guard now >= kind.next else {
                kind.unlogged += 1
                return nil
            }
            defer { kind = Kind(next: now + Self.interval) }
            return kind.unlogged
        }
        guard let others else { return }
        var metadata: Logger.Metadata = ["stream": "\(stream)", "error": "\(error)"]
        if others > 0 { metadata["others"] = "\(others)" }
        logger.warning("the log did not obey", metadata: metadata)
    }
}

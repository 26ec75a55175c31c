internal import Dispatch
public import EventSourcing
public import Logging
public import ServiceLifecycle
public import ServiceSupport
internal import Synchronization

/// An event log whose store may be in use by another program, or on a full disk, when it is opened: it waits for that to
/// end, says so in its readiness, and then serves. Until then nobody can connect, so commands are answered 503.
public final class OpeningEventLog: Service {
    private static let pause = Duration.milliseconds(500)

    private enum Stage {
        case waiting(StoreObstacle)
        case serving(EventLogService)
    }

    private let open: @Sendable () throws -> any EventStore
    private let serve: @Sendable (any EventStore) throws -> EventLogService
    private let logger: Logger
    private let stage: Mutex<Stage>

    /// Opens the store, unless there is an obstacle.
    ///
    /// - Parameters:
    ///   - open: opens the store; is called again while it throws ``StoreObstacle``.
    ///   - serve: makes the service of the store.
    /// - Throws: what `open` throws beside obstacles, and what `serve` throws.
    public init(
        logger: Logger, open: @escaping @Sendable () throws -> any EventStore,
        serve: @escaping @Sendable (any EventStore) throws -> EventLogService
    ) throws {
        self.open = open
        self.serve = serve
        self.logger = logger
        do {
            stage = Mutex(.serving(try serve(open())))
        } catch let obstacle as StoreObstacle {
            stage = Mutex(.waiting(obstacle))
        }
    }

    /// Waits for the store, then serves until the graceful shutdown.
    public func run() async throws {
        if case .waiting(let obstacle) = stage.withLock({ $0 }) {
            logger.warning("the store cannot be opened now; waiting for it", metadata: ["reason": "\(obstacle)"])
            guard try await waitForStore() else { return }
            logger.info("the store is open")
        }
        if case .serving(let service) = stage.withLock({ $0 }) { try await service.run() }
    }

    /// The readiness of the service, or what it waits for.
    public func readiness() async -> Readiness {
        switch stage.withLock({ $0 }) {
        case .waiting(let obstacle): Readiness(missing: ["the store cannot be opened now: \(obstacle)"])
        case .serving(let service): await service.readiness()
        }
    }

    /// - Returns: false if the service is to stop first.
    private func waitForStore() async throws -> Bool {
        try await cancelWhenGracefulShutdown {
            while true {
                // No lock of SQLite's tells when it is free; cancelled when the service stops.
                do { try await Task.sleep(for: Self.pause) } catch { return false }
                do {
                    let service = try self.serve(try await self.openOffPool())
                    self.stage.withLock { $0 = .serving(service) }
                    return true
                } catch let obstacle as StoreObstacle {
                    self.stage.withLock { $0 = .waiting(obstacle) }
                }
            }
        }
    }

    /// Off Swift's own threads, which must not be blocked by a disk.
    private func openOffPool() async throws -> any EventStore {
        try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async { [open] in continuation.resume(with: Result(catching: open)) }
        }
    }
}

internal import Dispatch
public import EventSourcing
internal import JSON
public import Logging
public import ServiceLifecycle
public import ServiceSupport
internal import Synchronization

/// An event log that opens its store, serves it for as long as it leads, and then stands by to lead again.
///
/// The store may be led by another program, in use, or on a full disk: it waits for that to end and says so in its
/// readiness. Until then nobody can connect, so commands are answered 503.
public final class OpeningEventLog: Service {
    private static let pause = Duration.milliseconds(500)
    private static let pauseOfStandby = Duration.milliseconds(250)

    private enum Stage {
        case opening
        case waiting(StoreObstacle)
        case serving(EventLogService)
    }

    private let open: @Sendable () throws -> any EventStore
    private let serve: @Sendable (any EventStore) throws -> EventLogService
    private let logger: Logger
    private let stage: Mutex<Stage>

    /// A log of a store.
    ///
    /// - Parameters:
    ///   - opensAtOnce: whether the store is opened here, if there is no obstacle: so that one that is near reports
    ///     what is wrong with it before anything else is started.
    ///   - open: opens the store; is called again while it throws ``StoreObstacle``, and when the lead was lost. May block.
    ///   - serve: makes the service of the store.
    /// - Throws: what `open` throws beside obstacles, and what `serve` throws.
    public init(
        opensAtOnce: Bool = true, logger: Logger, open: @escaping @Sendable () throws -> any EventStore,
        serve: @escaping @Sendable (any EventStore) throws -> EventLogService
    ) throws {
        self.open = open
        self.serve = serve
        self.logger = logger
        do {
            stage = Mutex(opensAtOnce ? .serving(try serve(open())) : .opening)
        } catch let obstacle as StoreObstacle {
            stage = Mutex(.waiting(obstacle))
        }
    }

    /// Waits for the store, serves it, and waits again if the lead was lost, until the graceful shutdown.
    public func run() async throws {
        if case .waiting(let obstacle) = stage.withLock({ $0 }) { announce(obstacle) }
        while let service = try await service() {
            guard case .leadLost(let lost) = try await service.serve() else { return }
            logger.warning("the lead is lost", metadata: ["reason": "\(lost)"])
            wait(for: StoreObstacle(.standby, lost.description))
        }
    }

    /// The readiness of the service, or what it waits for.
    public func readiness() async -> Readiness {
        switch stage.withLock({ $0 }) {
        case .opening:
            return Self.readiness(missing: "the store is being opened")
        case .waiting(let obstacle) where obstacle.kind == .standby:
            return Self.readiness(missing: "standby: \(obstacle)")
        case .waiting(let obstacle):
            return Self.readiness(missing: "the store cannot be opened now: \(obstacle)")
        case .serving(let service):
            return await service.readiness()
        }
    }

    private static func readiness(missing: String) -> Readiness {
        Readiness(
            missing: [missing], details: [.init(name: "role", value: .string("standby"))],
            figures: LeadFigures.all(leads: false, epoch: 0))
    }

    /// The service of the store, once that is open; nil if the program is to stop first.
    private func service() async throws -> EventLogService? {
        if case .serving(let service) = stage.withLock({ $0 }) {
            // It was opened with the program.
            return service
        }
        return try await cancelWhenGracefulShutdown {
            while true {
                do {
                    guard let store = try await self.opened() else { return nil }
                    let service = try self.serve(store)
                    self.stage.withLock { $0 = .serving(service) }
                    self.logger.info("the store is open")
                    return service
                } catch let obstacle as StoreObstacle {
                    self.wait(for: obstacle)
                    // There is no notification when a lock is free; cancelled when the program stops.
                    let pause = obstacle.kind == .standby ? Self.pauseOfStandby : Self.pause
                    do { try await Task.sleep(for: pause) } catch { return nil }
                }
            }
        }
    }

    /// Waits for the end of an obstacle; logs it if it was not known.
    private func wait(for obstacle: StoreObstacle) {
        let isNew = stage.withLock { stage in
            defer { stage = .waiting(obstacle) }
            if case .waiting(let known) = stage { return known.kind != obstacle.kind }
            return true
        }
        if isNew { announce(obstacle) }
    }

    private func announce(_ obstacle: StoreObstacle) {
        if obstacle.kind == .standby {
            logger.info("standing by", metadata: ["reason": "\(obstacle)"])
        } else {
            logger.warning("the store cannot be opened now; waiting for it", metadata: ["reason": "\(obstacle)"])
        }
    }

    /// The store; nil if the program is to stop first, which does not wait for a store that is far away.
    private func opened() async throws -> (any EventStore)? {
        let (results, continuation) = AsyncStream.makeStream(of: Result<any EventStore, any Error>.self)
        // Off Swift's own threads, which must not be blocked by a store.
        DispatchQueue.global().async { [open, logger] in
            let result = Result(catching: open)
            guard case .terminated = continuation.yield(result), case .success(let store) = result else {
                return continuation.finish()
            }
            // Nobody waits any more: whoever leads next should not have to wait for this one.
            do { try store.close() } catch {
                logger.warning("the store cannot be closed", metadata: ["error": "\(error)"])
            }
        }
        for await result in results { return try result.get() }
        return nil
    }
}

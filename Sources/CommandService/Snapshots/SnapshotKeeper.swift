internal import EventLogProtocol
internal import EventSourcing
internal import Logging
internal import ZeroMQ

/// Takes snapshots of aggregates to the log, and checks some of those that are used.
///
/// Nothing here is needed for correctness, and nobody waits for it: where much is to be done already, or the log does
/// not answer, a snapshot is left out.
actor SnapshotKeeper<State: SnapshottableAggregate> {
    /// What was done so far.
    struct Counters: Hashable, Sendable {
        var kept: UInt64 = 0
        var audited: UInt64 = 0
        /// Snapshots that were not what the events give.
        var wrong: UInt64 = 0
        /// Snapshots that were not signed with the key, or could not be read.
        var unbelieved: UInt64 = 0
    }

    private static var mostUnderWay: Int { 256 }
    private static var mostAudits: Int { 1 }

    private let client: EventLogClient
    private let loop: SocketLoop
    nonisolated let policy: SnapshotPolicy
    nonisolated let signer: SnapshotSigner<State>
    private let logger: Logger
    private var underWay = 0
    private var audits = 0
    /// Streams with a wrong snapshot that is not gone yet, or not known to be.
    private var distrusted: Set<StreamID> = []
    private(set) var counters = Counters()

    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    init(
        client: EventLogClient, policy: SnapshotPolicy, signer: SnapshotSigner<State>, on loop: SocketLoop,
        logger: Logger
    ) {
        self.signer = signer
        self.client = client
        self.policy = policy
        self.loop = loop
        self.logger = logger
    }

    /// Whether a stream may be loaded from its snapshots.
    func trusts(_ stream: StreamID) -> Bool { !distrusted.contains(stream) }

    /// Signs a snapshot and keeps it, in its own time.
    func keep(_ snapshot: Snapshot) {
        guard underWay < Self.mostUnderWay else { return }
        underWay += 1
        Task {
            defer { underWay -= 1 }
            // Asked when it is sent: what was sent before a wrong one is dropped reaches the log before that, and is found.
            guard trusts(snapshot.stream) else { return }
            do throws(EventLogError) {
                guard let signed = signer.sign(snapshot, in: try await client.logID()) else { return }
                if try await client.keep(signed) { counters.kept += 1 }
            } catch {
                logger.debug("a snapshot was not kept", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Counts a snapshot that was not believed, and warns of the first: all may be of another key.
    func noteUnbelieved(_ snapshot: Snapshot) {
        counters.unbelieved += 1
        logger.log(
            level: counters.unbelieved == 1 ? .warning : .debug,
            "a snapshot is not believed: it was not signed with this service's key",
            metadata: ["stream": "\(snapshot.stream)", "version": "\(snapshot.version)"])
    }

    /// Lets the log forget a snapshot, in its own time.
    func drop(_ snapshot: Snapshot) {
        guard underWay < Self.mostUnderWay else { return }
        underWay += 1
        Task {
            defer { underWay -= 1 }
            do throws(EventLogError) {
                try await client.drop(snapshot)
            } catch {
                logger.debug("a snapshot was not dropped", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Compares a snapshot that was used with the fold of the events, where it is its turn.
    ///
    /// - Parameter found: is called where they differ: what was loaded from snapshots of that stream is of no use, also
    ///   what is being loaded.
    func mayAudit(_ snapshot: Snapshot, whenWrong found: @escaping @Sendable () async -> Void) {
        guard policy.auditedOneIn > 0, UInt64.random(in: 0..<policy.auditedOneIn) == 0, audits < Self.mostAudits else {
            return
        }
        audits += 1
        Task {
            defer { audits -= 1 }
            await audit(snapshot, whenWrong: found)
        }
    }

    private func audit(_ snapshot: Snapshot, whenWrong found: @Sendable () async -> Void) async {
        var suspect: Snapshot? = snapshot
        do {
            // Where one is wrong, newer ones may have been taken of a state that was loaded from it.
            while let next = suspect, try await isWrong(next) {
                counters.wrong += 1
                logger.error(
                    "a snapshot is not what the events give; it is deleted",
                    metadata: ["stream": "\(next.stream)", "version": "\(next.version)"])
                // First, so that nothing more is loaded from it, and none taken of what was, while it goes.
                if distrusted.insert(next.stream).inserted { await found() }
                try await client.drop(next)
                suspect = try await client.loadStream(
                    next.stream, fingerprint: next.fingerprint, limit: ReadLimit(events: 1)
                ).snapshot
            }
            distrusted.remove(snapshot.stream)
        } catch {
            // Where a wrong one may be left, the stream stays distrusted: it is folded from its events, which is slower.
            logger.warning(
                "a snapshot could not be checked or deleted",
                metadata: ["stream": "\(snapshot.stream)", "error": "\(error)"])
        }
    }

    private func isWrong(_ snapshot: Snapshot) async throws(AggregateLoadError) -> Bool {
        let truth = try await AggregateLoader(client: client, signer: signer)
            .load(snapshot.stream, upTo: snapshot.version, usingSnapshots: false).revision.snapshot
        let logID: UniqueID
        do throws(EventLogError) {
            logID = try await client.logID()
        } catch {
            throw .log(error)
        }
        counters.audited += 1
        return truth.flatMap { signer.sign($0, in: logID) } != snapshot
    }
}

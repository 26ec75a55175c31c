internal import Dispatch
public import EventLogProtocol
public import EventSourcing
internal import JSON
public import Logging
public import ServiceLifecycle
public import ServiceSupport
public import ZeroMQ

/// The query service: follows the log, keeps projections of it in memory, and answers queries from them.
///
/// Generic over the projections: what they hold and what they answer, only the domain knows.
public final class QueryService: Service {
    private let address: EventLogAddress
    private let loop: SocketLoop
    private let client: EventLogClient
    private let projections: ProjectionSet
    private let follower: LogFollower
    private let checkpoints: CheckpointPolicy?
    private let checkpointKey: CheckpointKey?
    private let snapshots: SnapshotTrust
    private let logger: Logger

    /// A service that projects the log at an address.
    ///
    /// - Parameters:
    ///   - checkpoints: where projections are written, and how often; nil: nowhere, so that each start reads the whole
    ///     log.
    ///   - key: what snapshots must be signed with to be believed; without one none is. Checkpoints are written with a key
    ///     that is derived from it, unless this process alone has it.
    /// - Throws: ``ZeroMQError`` where the system has no file descriptors left.
    public init(
        log address: EventLogAddress, projections: ProjectionList, checkpoints: CheckpointPolicy? = nil,
        snapshotsSignedWith key: SnapshotKey = .ofThisProcess(), context: Context, logger: Logger
    ) throws(ZeroMQError) {
        snapshots = SnapshotTrust(key)
        self.address = address
        self.logger = logger
        self.checkpoints = checkpoints
        checkpointKey = CheckpointKey(key)
        loop = try SocketLoop(name: "query", context: context)
        client = EventLogClient(address, on: loop)
        self.projections = ProjectionSet(projections.hosts, logger: logger)
        let start = self.projections.begin(loadingFrom: checkpoints?.folder, key: checkpointKey)
        follower = LogFollower(address, after: start, reading: client, for: self.projections, on: loop)
    }

    /// Reads the log for what the projections do not hold.
    public var log: LogAccess { LogAccess(client: client, snapshots: snapshots) }

    /// Follows the log until the graceful shutdown.
    public func run() async throws {
        try await client.connectForReading()
        try await follower.start()
        let writing = Task { await writeCheckpoints() }
        await waitForShutdown()
        writing.cancel()
        await writing.value
        await follower.stop()
        await client.close()
        await loop.close()
        await saveAll(after: 1)
    }

    /// Whether the projections reflect the log as it is now.
    public func readiness() async -> Readiness {
        let counters = await follower.counters
        let statuses = projections.projections.map { ($0.name, $0.status) }
        let leftOut = projections.projections.map { ($0.name, $0.leftOut) }
        var figures: [Figure] = []
        // The flat names tell of the projection that is furthest behind.
        let behind = statuses.map(\.1).min { $0.position < $1.position } ?? ProjectionStatus()
        figures.append(
            Figure(.gauge, "position", behind.position, help: "The log position that all projections reflect."))
        figures.append(
            Figure(.gauge, "head", statuses.map(\.1.head).max() ?? 0, help: "The highest position known recorded."))
        figures.append(
            Figure(
                .gauge, "log_live", statuses.allSatisfy(\.1.isLive) ? 1 : 0,
                help: "1 while the projections follow the event log without a lag; answers come from memory anyway."))
        for (name, status) in statuses {
            let label = ("projection", name)
            figures.append(
                Figure(
                    .gauge, "projection_position", status.position, label: label,
                    help: "The log position that a projection reflects."))
            figures.append(
                Figure(
                    .gauge, "projection_stopped", status.failure == nil ? 0 : 1, label: label,
                    help: "1 if a projection met a record that it cannot apply, and stopped."))
            figures.append(
                Figure(
                    .gauge, "projection_rebuilding", status.rebuiltPosition == nil ? 0 : 1, label: label,
                    help: "1 while a projection is being rebuilt."))
        }
        figures += leftOut.map { name, leftOut in
            Figure(
                .gauge, "projection_unreadable_streams", UInt64(clamping: leftOut.streams),
                label: ("projection", name),
                help: "Streams that a projection leaves out, since a record of theirs cannot be applied.")
        }
        figures += [
            Figure(.counter, "gaps_repaired", counters.gaps, help: "Gaps among live events, each repaired by reading."),
            Figure(.counter, "tails_repaired", counters.lostTails, help: "Ends of bursts lost and read."),
            Figure(.counter, "malformed_messages", counters.malformed, help: "Messages that break the grammar."),
            Figure(
                .counter, "snapshots_not_believed", snapshots.unbelieved,
                help: "Snapshots that were not signed with this service's key, so that the events were read."),
            Figure(.counter, "divergences", counters.divergences, help: "Times when the log was another one."),
        ]
        var missing = statuses.compactMap(missing)
        if !(await client.canRead) {
            missing.append(await client.rejection ?? "the event log cannot be read at \(address.readEndpoints)")
        }
        if let rejection = await follower.rejection { missing.append(rejection) }
        if let failure = await follower.readFailure { missing.append("a read of the log failed: \(failure)") }
        if let obstacle = await follower.obstacle { missing.append("\(obstacle)") }
        let leader = await LogLeader(client)
        return Readiness(missing: missing, details: leader.details + details(leftOut), figures: figures)
    }

    /// The streams that are left out, some of them by name: the service does its job for all others.
    private func details(_ leftOut: [(name: String, leftOut: LeftOut)]) -> [JSONValue.Member] {
        let found = leftOut.filter { $0.leftOut.streams > 0 }
        guard !found.isEmpty else { return [] }
        let records = found.flatMap { name, leftOut in
            leftOut.records.map { record in
                JSONValue.object([
                    .init(name: "projection", value: .string(name)),
                    .init(name: "stream", value: .string(record.stream.description)),
                    .init(name: "position", value: .number(JSONNumber(Int64(clamping: record.position)))),
                    .init(name: "reason", value: .string(record.reason)),
                ])
            }
        }
        let streams = found.map(\.leftOut.streams).reduce(0, +)
        return [
            .init(name: "unreadable_streams", value: .number(JSONNumber(Int64(clamping: streams)))),
            .init(name: "unreadable", value: .array(records)),
        ]
    }

    private func missing(_ name: String, _ status: ProjectionStatus) -> String? {
        if let failure = status.failure {
            return "the projection \(name) stopped before position \(failure.position): \(failure)"
        }
        if status.isLive { return nil }
        return status.hasCaughtUp
            ? "the event log at \(address.eventsEndpoints) is silent, or is being caught up with"
            : "the projection \(name) has not caught up with the event log at \(address.eventsEndpoints) yet"
    }

    // MARK: checkpoints

    private func writeCheckpoints() async {
        guard let checkpoints else { return }
        var pause = Duration.seconds(1)
        while !Task.isCancelled {
            // Nothing tells when one is due but the time; cancelled when the service stops.
            do { try await Task.sleep(for: pause) } catch { return }
            let cost = await ContinuousClock().measure { await saveAll(after: checkpoints.interval) }
            // A rebuild passes the interval again before long: it is not to spend its time on writing down what is
            // written down anew a moment later.
            pause = max(.seconds(1), cost * 20)
        }
    }

    /// Off Swift's own threads, which must not be blocked by a disk.
    private func saveAll(after records: UInt64) async {
        guard let checkpoints else { return }
        await withCheckedContinuation { continuation in
            DispatchQueue.global().async { [projections, checkpointKey] in
                for projection in projections.projections {
                    projection.save(to: checkpoints.folder, key: checkpointKey, after: records)
                }
                continuation.resume()
            }
        }
    }
}

/// The projections of a query service, in the order in which each record is given to them.
public struct ProjectionList: Sendable {
    let hosts: [any HostedProjection]

    /// Projections by their hosts.
    public init<each Model: Projection>(_ host: repeat ProjectionHost<each Model>) {
        var hosts: [any HostedProjection] = []
        for one in repeat each host { hosts.append(one) }
        self.hosts = hosts
    }
}

/// Where projections are written down, and how often.
public struct CheckpointPolicy: Hashable, Sendable {
    /// The folder; it must be there.
    public let folder: String
    /// After so many records, though not more often than costs a twentieth of the time; also at the end.
    public let interval: UInt64

    /// A policy from its parts.
    public init(folder: String, interval: UInt64) {
        self.folder = folder
        self.interval = interval
    }
}

internal import EventSourcing
internal import JSON
internal import Logging
public import ServiceSupport
internal import ZeroMQ

extension EventLogService {
    /// Whether appends are taken, with the head and what was counted.
    public func readiness() async -> Readiness {
        let appends = await appendServer.counters
        let lease = appender.validLease
        let report = store.report()
        let reads = await readServer.counters
        let ended = connectionGuard.endedConnections
        let warnings = warnings + [security?.peers.problem].compactMap(\.self) + report.warnings
        do {
            let head = try store.head()
            let usage = try store.usage()
            return Readiness(
                missing: await missing(isCertain: lease != nil),
                warnings: warnings,
                details: [
                    .init(name: "role", value: .string("leader")),
                    .init(name: "log", value: .string(store.logID.description)),
                    .init(name: "hash", value: .string(head.hash.description)),
                ] + report.details.map { .init(name: $0.name, value: .string($0.value)) },
                figures: LeadFigures.all(leads: lease != nil, epoch: report.epoch) + Self.durability(report) + [
                    Figure(.gauge, "position", head.position, help: "The position of the last durable record."),
                    Figure(.counter, "batches", appends.batches, help: "Flushes that recorded something."),
                    Figure(.counter, "requests", appends.requests, help: "Append requests answered."),
                    Figure(.counter, "events", appends.events, help: "Events recorded."),
                    Figure(.counter, "conflicts", appends.conflicts, help: "Appends refused for a stream's version."),
                    Figure(
                        .counter, "refused", appends.refused,
                        help: "Requests refused because the store took no writes."),
                    Figure(.gauge, "store_bytes", usage.bytes, help: "The size of the store."),
                    Figure(
                        .gauge, "store_pending_bytes", usage.pendingBytes,
                        help: "The size of the store's write-ahead log."),
                    Figure(
                        .counter, "forbidden_requests", appends.forbidden + reads.forbidden,
                        help: "Requests and subscriptions refused for their peer's key, role or number of connections."),
                    Figure(
                        .counter, "refused_peers", strangers.count,
                        help: "Handshakes refused since the peer's key is unknown, or its role does not reach there."),
                    Figure(.counter, "snapshots", appends.snapshots, help: "Snapshots of streams kept."),
                    Figure(.counter, "reads", reads.reads, help: "Read requests answered."),
                    Figure(
                        .counter, "malformed_frames", appends.malformed + reads.malformed,
                        help: "Frames that break the grammar."),
                    Figure(
                        .counter, "undeliverable_replies", appends.undeliverable + reads.undeliverable,
                        help: "Replies whose requester was gone or did not read."),
                    Figure(
                        .counter, "dropped_requests", appends.dropped + reads.dropped,
                        help: "Requests not done since their requester was gone or did not read."),
                    Figure(
                        .counter, "overloaded_reads", reads.overloaded,
                        help: "Reads refused because too many waited."),
                    Figure(
                        .counter, "refused_subscriptions", appends.refusedSubscriptions,
                        help: "Subscriptions that ended their connection."),
                    Figure(
                        .counter, "ended_connections", ended.values.reduce(0, +),
                        help: "Connections of peers that exceeded a limit."),
                    Figure(
                        .counter, "forgotten_handshakes", context.forgottenHandshakes,
                        help: "Handshakes not answered in time because too many came."),
                ])
        } catch {
            logger.error("the store's head cannot be read", metadata: ["error": "\(error)"])
            return Readiness(missing: ["the store cannot be read"])
        }
    }

    private static func durability(_ report: StoreReport) -> [Figure] {
        guard let isReplicated = report.isReplicated else { return [] }
        return [
            Figure(
                .gauge, "store_replicated", isReplicated ? 1 : 0,
                help: "1 if a commit is acknowledged only when it is durable on more than one machine.")
        ]
    }

    /// What keeps the log from doing its job.
    private func missing(isCertain: Bool) async -> [String] {
        let (ending, obstacle) = (await appendServer.ending, await appendServer.obstacle)
        let delay = appender.delay
        return [
            ending?.description,
            obstacle.map { "the store takes no writes: \($0)" },
            delay.map { "the store has not answered yet: \($0)" },
            isCertain || delay != nil ? nil : "the log is not certain that it leads",
        ].compactMap(\.self)
    }
}

/// Who leads, for `/metrics`.
enum LeadFigures {
    static func all(leads: Bool, epoch: UInt64) -> [Figure] {
        [
            Figure(.gauge, "leader", leads ? 1 : 0, help: "1 if this log leads and is certain of it."),
            Figure(
                .gauge, "epoch", epoch,
                help: "Which lead of the log it is; 0 if it does not lead, or if the store counts none."),
        ]
    }
}

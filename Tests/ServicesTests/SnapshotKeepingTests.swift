import CommandService
import EventLogProtocol
import EventSourcing
import NIOHTTP1
import ServiceSupport
import TestSupport
import Testing
import ZeroMQ

/// A gateway that takes snapshots often and compares every one that it uses.
@Suite struct SnapshotKeepingTests {
    private let stream = StreamID(category: Tally.category, name: "t")!
    private let key = SnapshotKey(sharedSecret: Array(0..<32))!
    private var signer: SnapshotSigner<Tally> { SnapshotSigner(key) }

    private func withGateway(
        _ policy: SnapshotPolicy,
        _ body: (CommandService<TallyCommands>, EventLogClient, Place) async throws -> Void
    ) async throws {
        try await withLog { client, place in
            let context = try Context()
            // One aggregate in memory: a command for another makes the gateway load this one anew.
            let command = try CommandService(
                domain: TallyCommands(), log: place.address, query: place.queryAddress,
                limits: CommandLimits(cachedAggregates: 1), snapshots: policy, signedWith: key, context: context,
                logger: quiet)
            let http = HTTPService(
                command.routes, forwarder: command.forwarder,
                health: Health(of: "command") { await command.readiness() },
                at: place.commandAddress, setting: "COMMAND", largestBody: 20, logger: quiet)
            try await running([command, http]) {
                // Not ready, for there is no query service.
                try await eventually("the gateway reaches the log", within: .seconds(60)) {
                    await figure("log_reachable", of: command) == 1
                }
                try await answers(place.commandAddress)
                try await body(command, client, place)
            }
            #expect(await context.close())
        }
    }

    /// Counts a tally up.
    ///
    /// - Returns: what it then is, as the gateway says.
    @discardableResult
    private func count(_ by: Int, _ place: Place, tally: String = "t") async throws -> String {
        let url = "http://\(place.commandAddress)/tallies/\(tally)"
        let (status, body, _) = try await send(.POST, url, body: "\(by)")
        #expect(status == 200)
        return body
    }

    private func figure(_ name: String, of command: CommandService<TallyCommands>) async -> UInt64? {
        await command.readiness().figures.first { $0.name == name }?.value
    }

    /// What the log keeps, without its signature.
    private func snapshot(_ client: EventLogClient, atMost version: UInt64) async throws -> Snapshot? {
        let kept = try await client.loadStream(
            stream, fingerprint: signer.fingerprint, upTo: version, limit: ReadLimit(events: 1)
        ).snapshot
        guard let kept else { return nil }
        let logID = try await client.logID()
        let opened: Snapshot = try #require(signer.open(kept, in: logID))
        return opened
    }

    /// Keeps a snapshot, signed as by a gateway with a fault.
    private func keep(_ snapshot: Snapshot, _ client: EventLogClient) async throws {
        let logID = try await client.logID()
        let signed = try #require(signer.sign(snapshot, in: logID))
        #expect(try await client.keep(signed))
    }

    @Test(.timeLimit(.minutes(2)))
    func `I5: a snapshot is kept after every so many events, and is what the events give`() async throws {
        try await withGateway(SnapshotPolicy(interval: 3, auditedOneIn: 1)) { command, client, place in
            for by in 1...10 { try await count(by, place) }
            try await eventually("three snapshots are kept") { await figure("snapshots_kept", of: command) == 3 }
            let history = try await client.readStream(stream, after: 0, limit: ReadLimit(events: 100)).events
            for version in 0...12 as ClosedRange<UInt64> {
                let newest = min(version, 9) / 3 * 3
                let expected = try Revision<Tally>(of: stream, folding: history.prefix(Int(newest))).snapshot
                #expect(try await snapshot(client, atMost: version) == expected, "version \(version)")
            }

            // Loaded anew, the aggregate begins with the newest of them, which is compared and found right.
            try await count(1, place, tally: "other")
            #expect(try await count(0, place) == "55")
            try await eventually("it is compared") { await figure("snapshots_audited", of: command) == 1 }
            #expect(await figure("snapshots_wrong", of: command) == 0)
            #expect(try await snapshot(client, atMost: 9)?.version == 9)
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a wrong snapshot is found, deleted and counted, and what was made of it is forgotten`() async throws {
        try await withGateway(SnapshotPolicy(interval: 3, auditedOneIn: 1)) { command, client, place in
            for _ in 0..<7 { try await count(1, place) }
            try await eventually("two snapshots are kept") { await figure("snapshots_kept", of: command) == 2 }
            let right = try #require(try await snapshot(client, atMost: 6))
            let wrong = Snapshot(
                stream: stream, version: 6, lastEvent: right.lastEvent, createdAt: right.createdAt,
                updatedAt: right.updatedAt, fingerprint: right.fingerprint, state: Array("500".utf8))
            try await keep(wrong, client)
            try await count(1, place, tally: "other")
            try await count(0, place)
            try await eventually("the wrong one is found") { await figure("snapshots_wrong", of: command) == 1 }
            try await eventually("it is deleted") { try await snapshot(client, atMost: 6)?.version == 3 }
            // Nothing was asked of the gateway but to go on.
            try await eventually("the tally is right again") { try await count(0, place) == "7" }
            #expect(try await count(1, place) == "8")
        }
    }

    @Test(.timeLimit(.minutes(2))) func `a policy without snapshots keeps none`() async throws {
        try await withGateway(SnapshotPolicy(interval: 0, auditedOneIn: 0)) { command, client, place in
            for _ in 0..<7 { try await count(1, place) }
            try await count(1, place, tally: "other")
            #expect(try await count(0, place) == "7")
            #expect(await figure("snapshots_kept", of: command) == 0)
            #expect(try await snapshot(client, atMost: .max) == nil)
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `a history that came without snapshots gets them when it is loaded`() async throws {
        try await withGateway(SnapshotPolicy(interval: 3, auditedOneIn: 0)) { command, client, place in
            let events = (0..<8).map { _ in
                NewEvent(
                    id: .version7(at: .now()), type: "Counted", schemaVersion: 1, data: Array("{\"by\":2}".utf8))
            }
            let write = StreamWrite(stream: stream, expected: .exactly(0), events: events)
            guard case .committed = try await client.append(AppendRequest(writes: [write])) else {
                Issue.record("the events were not recorded")
                return
            }
            #expect(try await count(0, place) == "16")
            try await eventually("two snapshots are kept") { await figure("snapshots_kept", of: command) == 2 }
            #expect(try await snapshot(client, atMost: .max)?.state == Array("12".utf8))
            #expect(try await snapshot(client, atMost: 5)?.state == Array("6".utf8))
        }
    }

    @Test(.timeLimit(.minutes(2)))
    func `I5: snapshots that were taken of a state loaded from a wrong one go with it`() async throws {
        try await withGateway(SnapshotPolicy(interval: 3, auditedOneIn: 1)) { command, client, place in
            for _ in 0..<7 { try await count(1, place) }
            try await eventually("two snapshots are kept") { await figure("snapshots_kept", of: command) == 2 }
            let right = try #require(try await snapshot(client, atMost: 6))
            let wrong = Snapshot(
                stream: stream, version: 6, lastEvent: right.lastEvent, createdAt: right.createdAt,
                updatedAt: right.updatedAt, fingerprint: right.fingerprint, state: Array("500".utf8))
            try await keep(wrong, client)
            // Another tally takes the only place in memory, so that this one is loaded from the wrong snapshot.
            try await count(1, place, tally: "other")
            try await withThrowingTaskGroup(of: Void.self) { clients in
                for _ in 0..<6 { clients.addTask { try await count(1, place) } }
                try await clients.waitForAll()
            }
            try await eventually("the wrong one is found") { await figure("snapshots_wrong", of: command) ?? 0 >= 1 }
            try await eventually("no snapshot is left that is not what the events give") {
                for version in [6, 9, 12] as [UInt64] {
                    if let kept = try await snapshot(client, atMost: version),
                        String(decoding: kept.state, as: UTF8.self) != "\(kept.version)"
                    {
                        return false
                    }
                }
                return true
            }
            try await count(1, place, tally: "other")
            #expect(try await count(0, place) == "13")
        }
    }
}

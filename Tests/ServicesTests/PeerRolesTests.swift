import EventLogProtocol
import EventSourcing
import Foundation
import SQLiteEventStore
import ServiceSupport
import Synchronization
import TestSupport
import Testing
import ZeroMQ

@testable import EventLogService

/// A log that demands keys, and peers of each role.
@Suite("What the log's peers may do", .timeLimit(.minutes(3)))
struct PeerRolesTests {
    /// The peers of a test, and the file that names them.
    private final class Keyring: Sendable {
        let log: CurveSecretKey
        let secrets: [String: CurveSecretKey]
        let path: String

        init(_ names: [String], path: String) throws {
            log = try CurveSecretKey.generate()
            secrets = try Dictionary(uniqueKeysWithValues: names.map { ($0, try CurveSecretKey.generate()) })
            self.path = path
        }

        func security(of name: String) throws -> SocketSecurity {
            .curveClient(try #require(secrets[name]), server: log.publicKey)
        }

        func write(_ roles: [String: PeerRole]) throws {
            var table = PeerTable()
            for (name, role) in roles {
                let key = try #require(secrets[name]).publicKey
                try table.allow(try #require(LogPeer(name: name, role: role, key: key)))
            }
            try Data(table.text).write(to: URL(fileURLWithPath: path), options: .atomic)
        }
    }

    private func withSecuredLog(
        _ roles: [String: PeerRole], strangers: [String] = [],
        _ body: (Place, Keyring, EventLogService, Context) async throws -> Void
    ) async throws {
        let place = try Place()
        defer { place.remove() }
        let keyring = try Keyring(Array(roles.keys) + strangers, path: place.path("peers"))
        try keyring.write(roles)
        let context = try Context()
        let service = try EventLogService(
            store: try SQLiteEventStore(path: place.path("log.db")), endpoints: place.endpoints, context: context,
            security: LogSecurity(
                secretKey: keyring.log, peers: try PeerDirectory(path: keyring.path, logger: quiet)),
            logger: quiet)
        try await running([service]) { try await body(place, keyring, service, context) }
        #expect(await context.close())
    }

    /// A client of the log with a peer's key.
    private func withClient(
        _ name: String, _ place: Place, _ keyring: Keyring, _ context: Context,
        _ body: (EventLogClient) async throws -> Void
    ) async throws {
        var address = place.address
        address.security = try keyring.security(of: name)
        let loop = try SocketLoop(name: name, context: context)
        let client = EventLogClient(address, on: loop)
        do {
            try await body(client)
        } catch {
            Issue.record("\(name): \(error)")
        }
        await client.close()
        await loop.close()
    }

    private func request(_ name: String) -> AppendRequest {
        let event = NewEvent(
            id: UniqueID.version7(at: .now()), type: "Counted", schemaVersion: 1, data: Array("{\"by\":1}".utf8))
        let stream = StreamID(category: Tally.category, name: name)!
        return AppendRequest(writes: [StreamWrite(stream: stream, expected: .any, events: [event])])
    }

    private func snapshot(of name: String, _ event: UniqueID) -> Snapshot {
        Snapshot(
            stream: StreamID(category: Tally.category, name: name)!, version: 1, lastEvent: event,
            createdAt: Timestamp(microseconds: 0), updatedAt: Timestamp(microseconds: 0),
            fingerprint: Digest256(1, 2, 3, 4), state: [1])
    }

    private func figure(_ name: String, of service: EventLogService) async -> UInt64 {
        await service.readiness().figures.first { $0.name == name }?.value ?? 0
    }

    @Test func `each role may do what it should, at each socket`() async throws {
        try await withSecuredLog(["r": .read, "a": .append, "o": .operate], strangers: ["s"]) {
            place, keyring, service, context in
            for name in ["a", "o"] {
                try await withClient(name, place, keyring, context) { client in
                    try await client.connect(within: .seconds(30))
                    let request = request(name)
                    _ = try await client.append(request)
                    #expect(try await client.status().head.position > 0)
                    let snapshot = snapshot(of: name, request.writes[0].events[0].id)
                    if name == "a" {
                        #expect(try await client.keep(snapshot) == true)
                    } else {
                        let error = await #expect(throws: EventLogError.self) { try await client.keep(snapshot) }
                        #expect(error?.reason.contains("snapshots") == true)
                        await #expect(throws: EventLogError.self) { try await client.drop(snapshot) }
                        // It stays connected, and may do all else.
                        _ = try await client.append(self.request(name))
                    }
                }
            }
            #expect(await figure("forbidden_requests", of: service) == 2)
            try await withClient("r", place, keyring, context) { client in
                try await client.connectForReading()
                try await eventually("it may read", within: .seconds(30)) { await client.canRead }
                #expect(try await client.status().head.position == 3)
                await #expect(throws: EventLogError.self) { _ = try await client.append(request("r")) }
                try await eventually("it is told why it may not append", within: .seconds(30)) {
                    await client.rejection?.contains("role") == true
                }
            }
            try await withClient("s", place, keyring, context) { client in
                let error = await #expect(throws: EventLogError.self) { try await client.connect(within: .seconds(5)) }
                #expect(error?.reason.contains("refuses this peer's key") == true)
            }
            #expect(await figure("position", of: service) == 3)
            #expect(await figure("refused_peers", of: service) >= 2)
        }
    }

    @Test func `a revoked peer's next request is refused, and so is its next handshake`() async throws {
        try await withSecuredLog(["a": .append, "b": .append]) { place, keyring, service, context in
            try await withClient("a", place, keyring, context) { client in
                try await client.connect(within: .seconds(30))
                _ = try await client.append(request("a"))
                try keyring.write(["b": .append])
                try await eventually("it is refused", within: .seconds(30)) {
                    do {
                        _ = try await client.append(request("a"))
                        return false
                    } catch let error as EventLogError {
                        return error.reason.contains("revoked") || error.reason.contains("refuses this peer's key")
                    }
                }
                #expect(await figure("forbidden_requests", of: service) >= 1)
                let position = await figure("position", of: service)
                try await eventually("it cannot connect again", within: .seconds(30)) {
                    await client.rejection?.contains("refuses this peer's key") == true
                }
                #expect(await figure("position", of: service) == position)
                try keyring.write(["a": .append, "b": .append])
                try await eventually("it is allowed again", within: .seconds(30)) { await client.isConnected }
                _ = try await client.append(request("a"))
            }
        }
    }

    @Test func `a subscriber that leaves is not refused`() async throws {
        try await withSecuredLog(["r": .read]) { place, keyring, service, context in
            for _ in 1...3 {
                var address = place.address
                address.security = try keyring.security(of: "r")
                let loop = try SocketLoop(name: "follower", context: context)
                let client = EventLogClient(address, on: loop)
                let consumer = Heard()
                let follower = LogFollower(
                    address, after: LogCheckpoint.beginning, reading: client, for: consumer, on: loop)
                try await follower.start()
                try await eventually("its subscription", within: .seconds(30)) { consumer.isLive }
                await follower.stop()
                await client.close()
                await loop.close()
            }
            #expect(await figure("forbidden_requests", of: service) == 0)
        }
    }

    @Test func `a role that changes counts for the next request`() async throws {
        try await withSecuredLog(["a": .append]) { place, keyring, _, context in
            try await withClient("a", place, keyring, context) { client in
                try await client.connect(within: .seconds(30))
                _ = try await client.append(request("a"))
                try keyring.write(["a": .read])
                try await eventually("it may not append", within: .seconds(30)) {
                    do {
                        _ = try await client.append(request("a"))
                        return false
                    } catch let error as EventLogError {
                        return error.reason.contains("role")
                    }
                }
                #expect(try await client.status().head.position >= 1)
            }
        }
    }

    @Test func `a revoked peer's subscription is ended, and it is given nothing more`() async throws {
        try await withSecuredLog(["a": .append, "r": .read]) { place, keyring, service, context in
            var address = place.address
            address.security = try keyring.security(of: "r")
            let loop = try SocketLoop(name: "follower", context: context)
            let client = EventLogClient(address, on: loop)
            let consumer = Heard()
            let follower = LogFollower(
                address, after: LogCheckpoint.beginning, reading: client, for: consumer, on: loop)
            try await follower.start()
            try await withClient("a", place, keyring, context) { appender in
                try await appender.connect(within: .seconds(30))
                _ = try await appender.append(request("a"))
                try await eventually("the first event", within: .seconds(30)) { consumer.count == 1 }
                try keyring.write(["a": .append])
                try await eventually("its connection is ended", within: .seconds(30)) {
                    await follower.rejection?.contains("refuses this peer's key") == true
                }
                _ = try await appender.append(request("a"))
                #expect(await figure("position", of: service) == 2)
                try keyring.write(["a": .append, "r": .read])
                try await eventually("what it missed", within: .seconds(60)) { consumer.count == 2 }
            }
            await follower.stop()
            await client.close()
            await loop.close()
        }
    }
}

/// Counts what a follower hands on.
private final class Heard: LogConsumer {
    private let heard = Atomic(0)
    private let live = Atomic(false)

    var isLive: Bool { live.load(ordering: .sequentiallyConsistent) }

    var count: Int { heard.load(ordering: .sequentiallyConsistent) }

    func consume(_ records: [RecordedEvent], head: UInt64) {
        heard.add(records.count, ordering: .sequentiallyConsistent)
    }

    func followed(isLive: Bool, at checkpoint: LogCheckpoint, head: UInt64) {
        live.store(isLive, ordering: .sequentiallyConsistent)
    }

    func diverged(_ divergence: LogDivergence) -> LogCheckpoint { .beginning }
}

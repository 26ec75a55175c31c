import EventSourcing
import Foundation
import Synchronization
import TestSupport
import Testing
import ZeroMQ

@testable import EventLogProtocol

/// A client and a follower of two services that lead one log in turn, on real sockets.
@Suite(.timeLimit(.minutes(3))) struct LeadChangeTests {
    private func append(key: String? = nil) -> AppendRequest {
        let event = NewEvent(id: .version7(at: .now()), type: "Happened", schemaVersion: 1, data: Array("{}".utf8))
        return AppendRequest(
            command: key.map { CommandKey(key: Array($0.utf8), fingerprint: Digest256(1, 2, 3, 4), outcome: [7]) },
            writes: [StreamWrite(stream: StreamID(category: "thing", name: "a")!, expected: .any, events: [event])])
    }

    private func position(_ result: AppendResult) -> UInt64? {
        switch result {
        case .committed(let commit): commit.position
        case .replayed(let outcome): outcome.commit.position
        default: nil
        }
    }

    @Test func `requests go to the service that leads, and follow the lead`() async throws {
        try await withPair { pair in
            try await pair.first.open(epoch: 1)
            try await pair.client.connect(within: .seconds(30))
            #expect(position(try await pair.client.append(append())) == 4)
            #expect(await pair.client.leader == pair.address.logs[0].read)
            #expect(try await pair.client.status().epoch == 1)

            await pair.first.close()
            try await pair.isConnectedWithNone()
            try await pair.second.open(with: await pair.first.log, epoch: 2)
            try await pair.client.connect(within: .seconds(30))
            try await eventually("the other one is asked", within: .seconds(30)) {
                (try? await pair.client.status().epoch) == 2
            }
            // Its append socket may be connected a moment later than its read socket.
            try await eventually("the other one appends", within: .seconds(30)) {
                (try? await pair.client.append(append(key: "5"))).flatMap(position) == 5
            }
            #expect(await pair.client.leader == pair.address.logs[1].read)
            #expect(await pair.client.epoch == 2)

            await pair.second.close()
            try await pair.isConnectedWithNone()
            try await pair.first.open(with: await pair.second.log, epoch: 3)
            try await pair.client.connect(within: .seconds(30))
            try await eventually("the first one leads again", within: .seconds(30)) {
                (try? await pair.client.status().epoch) == 3
            }
            try await eventually("it appends again", within: .seconds(30)) {
                (try? await pair.client.append(append(key: "6"))).flatMap(position) == 6
            }
        }
    }

    @Test(arguments: [ScriptedLog.Conduct.refuses, .stops])
    func `what a service refuses because it does not lead is sent to the other`(conduct: ScriptedLog.Conduct)
        async throws
    {
        try await withPair { pair in
            try await pair.first.open(epoch: 1)
            try await pair.client.connect(within: .seconds(30))
            try await pair.second.open(with: await pair.first.log, epoch: 2)
            try await pair.isConnectedWithBoth()
            await pair.first.behave(conduct)
            // Whichever is asked first.
            for expected in 4...13 { #expect(position(try await pair.client.append(append())) == UInt64(expected)) }
            for _ in 0..<10 { #expect(try await pair.client.version(of: pair.stream, at: .earliest) == 2) }
            #expect(await pair.first.log.head.position == 3)
        }
    }

    @Test func `requests that nobody obeys wait for a leader, and end at their deadline`() async throws {
        try await withPair(timeout: .seconds(2)) { pair in
            try await pair.first.open(.refuses)
            try await pair.second.open(.refuses)
            try await pair.client.connect(within: .seconds(30))
            let clock = ContinuousClock()
            var error: EventLogError?
            let time = await clock.measure {
                do { _ = try await pair.client.append(append()) } catch let failure as EventLogError {
                    error = failure
                } catch {}
            }
            #expect(error?.code == .unavailable)
            #expect(error?.reason == "another log leads")
            #expect(time > .seconds(1.5))
            // Between two rounds there is a pause: some dozens, not thousands.
            let asked = await pair.first.appendsTaken + pair.second.appendsTaken
            #expect(asked > 2 && asked < 200, "\(asked) times")

            // One that leads before the deadline obeys.
            let client = pair.client
            let request = append()
            async let late = client.append(request)
            try await eventually("it is refused", within: .seconds(30)) {
                await pair.first.appendsTaken + pair.second.appendsTaken > asked
            }
            await pair.second.behave(.leads)
            #expect(position(try await late) == 4)
        }
    }

    @Test func `requests that wait for a leader are bounded in bytes`() async throws {
        try await withPair(timeout: .seconds(30)) { pair in
            try await pair.first.open(.refuses)
            try await pair.second.open(.refuses)
            try await pair.client.connect(within: .seconds(30))
            let (client, request) = (pair.client, append())
            let bytes = LogRequest.append(request).encoded(number: 0).count
            try await client.limitWaitingAppends(toBytes: 3 * bytes - 1)
            await withTaskGroup(of: EventLogError?.self) { group in
                for _ in 1...3 {
                    group.addTask {
                        do { _ = try await client.append(request) } catch { return error as? EventLogError }
                        return nil
                    }
                }
                let first = await group.next() ?? nil
                #expect(first?.code == .overloaded)
                #expect(first?.reason.contains("\(3 * bytes - 1) may") == true)
                await pair.first.behave(.leads)
                for await error in group { #expect(error == nil) }
            }
        }
    }

    @Test func `a heartbeat of the latest lead takes requests back from a service that was connected anew`()
        async throws
    {
        try await withPair { pair in
            try await pair.first.open(epoch: 1)
            try await pair.second.open(with: await pair.first.log, epoch: 2)
            try await pair.client.connect(within: .seconds(30))
            try await pair.isConnectedWithBoth()
            let logID = try await pair.client.logID()
            await pair.client.learn(2, of: logID, from: 1)
            // As after a connection to the one that was deposed.
            await pair.client.prefer(0)
            #expect(await pair.client.leader == pair.address.logs[0].read)
            await pair.client.learn(2, of: logID, from: 1)
            #expect(await pair.client.leader == pair.address.logs[1].read)
            // Not by one of an earlier lead.
            await pair.client.learn(1, of: logID, from: 0)
            #expect(await pair.client.leader == pair.address.logs[1].read)
        }
    }

    @Test func `while none is there, requests fail at once and name all of them`() async throws {
        try await withPair { pair in
            try await pair.client.connect()
            let error = await #expect(throws: EventLogError.self) { _ = try await pair.client.append(append()) }
            #expect(error?.code == .unavailable)
            let (first, second) = (pair.address.logs[0].append, pair.address.logs[1].append)
            #expect(error?.reason == "nobody answers at \(first) or \(second)")

            // Both down and back.
            try await pair.first.open(epoch: 1)
            try await pair.client.connect(within: .seconds(30))
            await pair.first.close()
            try await eventually("it is missed", within: .seconds(30)) { await !pair.client.isConnected }
            await #expect(throws: EventLogError.self) { _ = try await pair.client.append(append()) }
            try await pair.second.open(epoch: 2)
            try await pair.client.connect(within: .seconds(30))
            #expect(position(try await pair.client.append(append())) == 4)
        }
    }

    @Test func `I4: a keyed append whose connection was lost is repeated at the next leader; one without a key is not`()
        async throws
    {
        try await withPair(timeout: .seconds(30)) { pair in
            try await pair.first.open(.isSilent, epoch: 1)
            try await pair.client.connect(within: .seconds(30))
            let client = pair.client
            let (keyed, plain) = (append(key: "k"), append())
            async let repeated = client.append(keyed)
            let unknown = Task { try await client.append(plain) }
            async let read = client.version(of: pair.stream, at: .earliest)
            try await eventually("all are there", within: .seconds(30)) {
                await pair.first.requestsTaken == [2, 1]
            }
            // It was recorded, and the log is killed before it says so.
            let outcome = try #require(await pair.first.outcome(of: Array("k".utf8)))
            await pair.first.close()
            let error = await #expect(throws: EventLogError.self) { _ = try await unknown.value }
            #expect(error?.code == .outcomeUnknown)
            await pair.second.know(outcome, of: Array("k".utf8))
            try await pair.second.open(with: await pair.first.log, epoch: 2)
            #expect(try await repeated == .replayed(outcome))
            #expect(try await read == 2)
            #expect(await pair.second.log.head.position == 5)
        }
    }

    @Test func `what may have been done is unknown, whatever the next service says`() async throws {
        try await withPair(timeout: .seconds(8)) { pair in
            try await pair.first.open(.isSilent, epoch: 1)
            try await pair.client.connect(within: .seconds(30))
            let client = pair.client
            let keyed = append(key: "k")
            let result = Task { try await client.append(keyed) }
            try await eventually("it is there", within: .seconds(30)) { await pair.first.appendsTaken == 1 }
            try await pair.second.open(.refuses, epoch: 2)
            try await pair.isConnectedWithBoth()
            await pair.first.close()
            let error = await #expect(throws: EventLogError.self) { _ = try await result.value }
            #expect(error?.code == .outcomeUnknown)
            #expect(await pair.second.appendsTaken > 0)
        }
    }

    @Test func `a deposed service that still answers is not believed`() async throws {
        try await withPair { pair in
            try await pair.first.open(epoch: 1)
            try await pair.client.connect(within: .seconds(30))
            #expect(try await pair.client.status().epoch == 1)
            var later = await pair.first.log
            later.append()
            try await pair.second.open(with: later, epoch: 2)
            try await eventually("the later lead is known", within: .seconds(30)) {
                try await pair.client.status().epoch == 2
            }
            // The client is made to ask the first one: its answer is that of an earlier lead.
            for _ in 0..<5 {
                try await pair.isConnectedWithBoth()
                await pair.client.prefer(0)
                let status = try await pair.client.status()
                #expect(status.epoch == 2 && status.head.position == 4)
                await pair.client.prefer(0)
                let page = try await pair.client.readLog(after: 0, limit: ReadLimit(events: 10))
                #expect(page.records.count == 4)
            }
            await pair.second.close()
            try await eventually("it is missed", within: .seconds(30)) {
                (try? await pair.client.status()) == nil
            }
        }
    }

    @Test func `a log that counts no leads is believed, also after one that did`() async throws {
        try await withPair(timeout: .seconds(2)) { pair in
            try await pair.first.open(epoch: 3)
            try await pair.client.connect(within: .seconds(30))
            #expect(try await pair.client.status().epoch == 3)
            await pair.first.close()
            try await pair.second.open(epoch: 0)
            try await eventually("it is asked", within: .seconds(30)) {
                (try? await pair.client.status().epoch) == 0
            }
        }
    }

    @Test func `I9: a follower follows the lead, and takes what each service publishes once`() async throws {
        try await withPair { pair in
            try await pair.first.open(epoch: 1)
            let follower = try await pair.follow()
            try await pair.consumer.has(3)
            try await pair.first.record(2)
            try await pair.consumer.has(5)

            // The next one leads, with events that it published before anybody was there; the first goes on as if it led.
            var log = await pair.first.log
            for _ in 0..<3 { log.append() }
            try await pair.second.open(with: log, epoch: 2)
            try await pair.consumer.has(8)
            try await pair.second.record()
            try await pair.consumer.has(9)
            #expect(await pair.client.leader == pair.address.logs[1].read)
            // What the deposed one still had to publish, again.
            for record in log.records.suffix(3) { try await pair.first.publish(record) }
            try await pair.second.record()
            try await pair.consumer.has(10)
            #expect(pair.consumer.records == (await pair.second.log.records))
            #expect(await follower.counters.divergences == 0)

            // It leaves, and leads again.
            await pair.first.close()
            await pair.second.close()
            try await eventually("the follower is not live", within: .seconds(30)) { !pair.consumer.isLive }
            try await pair.first.open(with: await pair.second.log, epoch: 3)
            try await pair.first.record(2)
            try await pair.consumer.has(12)
            try await eventually("the follower is live", within: .seconds(30)) { pair.consumer.isLive }
            #expect(pair.consumer.records == (await pair.first.log.records))
            #expect(await follower.counters.divergences == 0)
            await follower.stop()
        }
    }

    @Test func `heartbeats of a deposed service are no sign that the log lives`() async throws {
        try await withPair { pair in
            try await pair.first.open(epoch: 1)
            let follower = try await pair.follow()
            try await pair.consumer.has(3)
            var log = await pair.first.log
            log.append()
            try await pair.second.open(with: log, epoch: 2)
            try await pair.consumer.has(4)
            try await eventually("the follower is live", within: .seconds(30)) { pair.consumer.isLive }
            // The first beats ten times a second.
            await pair.second.behave(.isSilent)
            try await eventually("the log is missed", within: .seconds(30)) { !pair.consumer.isLive }
            await pair.second.behave(.leads)
            try await eventually("the log is back", within: .seconds(30)) { pair.consumer.isLive }
            #expect(await follower.counters.divergences == 0)
            await follower.stop()
        }
    }

    @Test func `a read that a frozen service does not answer goes to the one that leads now`() async throws {
        try await withPair(timeout: .seconds(60)) { pair in
            try await pair.first.open(epoch: 1)
            let follower = try await pair.follow()
            try await pair.consumer.has(3)
            await pair.first.behave(.isSilent)
            // A lost tail has it read, in vain.
            var log = await pair.first.log
            for _ in 0..<4 { log.append() }
            let before = await pair.first.readsTaken
            try await pair.first.publish(log.records[5])
            try await eventually("it reads", within: .seconds(30)) { await pair.first.readsTaken > before }
            try await pair.second.open(with: log, epoch: 2)
            try await pair.consumer.has(7)
            #expect(pair.consumer.records == log.records)
            await follower.stop()
        }
    }

    @Test func `what can be repeated leaves a frozen service for the one that leads; what cannot is unknown`()
        async throws
    {
        try await withPair(timeout: .seconds(12)) { pair in
            try await pair.first.open(epoch: 1)
            try await pair.client.connect(within: .seconds(30))
            #expect(try await pair.client.status().epoch == 1)
            await pair.first.behave(.isSilent)
            let client = pair.client
            let (keyed, plain) = (append(key: "k"), append())
            let unknown = Task { try await client.append(plain) }
            let repeated = Task { try await client.append(keyed) }
            let read = Task { try await client.version(of: pair.stream, at: .earliest) }
            try await eventually("all are there", within: .seconds(30)) {
                let taken = await pair.first.requestsTaken
                return taken[0] == 2 && taken[1] >= 2
            }
            let outcome = try #require(await pair.first.outcome(of: Array("k".utf8)))
            await pair.second.know(outcome, of: Array("k".utf8))
            // The connections with the first one stay. Nobody follows the log, so no heartbeat reports the next lead.
            try await pair.second.open(with: await pair.first.log, epoch: 2)
            #expect(try await repeated.value == .replayed(outcome))
            #expect(try await read.value == 2)
            #expect(await pair.client.epoch == 2)
            // What is new goes to the one that leads, while the other still keeps what cannot be repeated.
            #expect(position(try await client.append(append())) == 6)
            #expect(await pair.first.appendsTaken == 2)
            let error = await #expect(throws: EventLogError.self) { _ = try await unknown.value }
            #expect(error?.code == .outcomeUnknown)
            #expect(await pair.second.appendsTaken == 2)
        }
    }

    @Test func `a frozen service that answers late is ignored once the next one has answered`() async throws {
        try await withPair(timeout: .seconds(60)) { pair in
            try await pair.first.open(epoch: 1)
            try await pair.client.connect(within: .seconds(30))
            #expect(try await pair.client.status().epoch == 1)
            await pair.first.behave(.isSlow)
            let client = pair.client
            let (keyed, plain) = (append(key: "k"), append())
            let kept = Task { try await client.append(plain) }
            let repeated = Task { try await client.append(keyed) }
            try await eventually("both are there", within: .seconds(30)) { await pair.first.appendsTaken == 2 }
            let outcome = try #require(await pair.first.outcome(of: Array("k".utf8)))
            await pair.second.know(outcome, of: Array("k".utf8))
            try await pair.second.open(with: await pair.first.log, epoch: 2)
            #expect(try await repeated.value == .replayed(outcome))
            let late = await client.lateReplies
            await pair.first.sayWhatWasKept()
            // What it says of the one that still waits for it counts.
            #expect(position(try await kept.value) != nil)
            try await eventually("the late reply is counted", within: .seconds(30)) {
                await client.lateReplies > late
            }
        }
    }

    @Test func `a service that is slow while it leads is waited for`() async throws {
        try await withPair(timeout: .seconds(60)) { pair in
            try await pair.second.open(.refuses, epoch: 1)
            try await pair.first.open(epoch: 2)
            try await pair.client.connect()
            try await pair.isConnectedWithBoth()
            await pair.client.prefer(0)
            #expect(try await pair.client.status().epoch == 2)
            await pair.first.behave(.isSlow)
            let client = pair.client
            let keyed = append(key: "k")
            await client.prefer(0)
            let result = Task { try await client.append(keyed) }
            // The other one is asked, and does not lead.
            let before = await pair.second.readsTaken
            try await eventually("it is asked again", within: .seconds(30)) {
                await pair.second.readsTaken > before + 1
            }
            await pair.first.sayWhatWasKept()
            #expect(position(try await result.value) == 4)
            #expect(await pair.first.appendsTaken == 1)
            #expect(await pair.second.appendsTaken == 0)
        }
    }

    // MARK: the pair

    private func withPair(timeout: Duration = .seconds(10), _ body: (Pair) async throws -> Void) async throws {
        let folder = NSTemporaryDirectory() + "daybook-\(UUID().uuidString.prefix(8))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let context = try Context()
        let loop = try SocketLoop(name: "pair", context: context)
        let logs = ["a", "b"].map { name in
            EventLogAddress.Log(
                append: "ipc://\(folder)/\(name)a", events: "ipc://\(folder)/\(name)e", read: "ipc://\(folder)/\(name)r"
            )
        }
        let pair = Pair(EventLogAddress(logs, timeout: timeout), on: loop)
        do {
            try await body(pair)
        } catch {
            await pair.close()
            throw error
        }
        await pair.close()
        await loop.close()
        await context.close()
    }
}

/// Two services of one log, a client, and who takes in what a follower hands on.
private final class Pair: Sendable {
    let address: EventLogAddress
    let first: ScriptedLog
    let second: ScriptedLog
    let client: EventLogClient
    let consumer = Recorder()
    let stream = StreamID(category: "thing", name: "a")!
    private let loop: SocketLoop

    init(_ address: EventLogAddress, on loop: SocketLoop) {
        self.address = address
        self.loop = loop
        var log = ModelLog()
        for _ in 0..<3 { log.append() }
        first = ScriptedLog(log, at: address.logs[0], epoch: 1, on: loop)
        second = ScriptedLog(log, at: address.logs[1], epoch: 2, on: loop)
        client = EventLogClient(address, on: loop)
    }

    func follow() async throws -> LogFollower {
        try await client.connectForReading()
        let follower = LogFollower(address, after: .beginning, reading: client, for: consumer, on: loop)
        try await follower.start()
        return follower
    }

    func isConnectedWithBoth() async throws {
        try await eventually("both are connected", within: .seconds(30)) { await client.connections == [2, 2] }
    }

    /// So that ``EventLogClient/connect(within:)`` waits for new connections, of both sockets.
    func isConnectedWithNone() async throws {
        try await eventually("none is connected", within: .seconds(30)) { await client.connections == [0, 0] }
    }

    func close() async {
        await client.close()
        await first.close()
        await second.close()
    }
}

/// Keeps what it is given.
private final class Recorder: LogConsumer {
    private let state = Mutex((records: [RecordedEvent](), isLive: false))

    var records: [RecordedEvent] { state.withLock { $0.records } }
    var isLive: Bool { state.withLock { $0.isLive } }

    func consume(_ records: [RecordedEvent], head: UInt64) { state.withLock { $0.records += records } }

    func followed(isLive: Bool, at checkpoint: LogCheckpoint, head: UInt64) { state.withLock { $0.isLive = isLive } }

    func diverged(_ divergence: LogDivergence) -> LogCheckpoint {
        state.withLock { $0.records = [] }
        return .beginning
    }

    func has(_ count: Int) async throws {
        try await eventually("\(count) records are handed on", within: .seconds(30)) { records.count >= count }
    }
}

import EventLogProtocol
import EventSourcing
import TestSupport
import Testing

@testable import QueryService

/// Nothing that is half an append is shown, stated as a position, or written down.
@Suite struct ProjectionAppendTests {
    private typealias Failure = ProjectionHost<Sum>.ReadFailure

    private let host = ProjectionHost<Sum>(logger: silence)

    init() {
        host.begin(after: .beginning)
        host.reaches(0)
    }

    /// Single records and appends of up to so many, each with numbers that make up 0, and the positions of their ends.
    private func balanced(
        _ count: Int, ofAtMost most: Int, _ random: inout SeededGenerator
    ) -> (records: [RecordedEvent], ends: Set<UInt64>) {
        var records: [RecordedEvent] = []
        var ends: Set<UInt64> = [0]
        for _ in 0..<count {
            let size = Int.random(in: 1...most, using: &random)
            for number in 1...size {
                let amount = number < size ? number : -(size * (size - 1) / 2)
                records.append(record(UInt64(records.count + 1), data: "\(amount)", continues: number < size))
            }
            ends.insert(UInt64(records.count))
        }
        return (records, ends)
    }

    @Test(.timeLimit(.minutes(1)), arguments: [3, 200])
    func `I7: whoever reads meanwhile sees whole appends alone, however large they are`(most: Int) async throws {
        var random = SeededGenerator(seed: 11)
        let (records, ends) = balanced(20_000 / most, ofAtMost: most, &random)
        let readings = Task {
            var seen: Set<UInt64> = []
            while seen.max() != records.last?.position {
                let reading = try await host.sum(atLeast: 0)
                guard reading.value == 0, ends.contains(reading.position) else { return reading.position }
                seen.insert(reading.position)
            }
            return 0
        }
        host.consume(records)
        host.reaches(UInt64(records.count))
        #expect(try await readings.value == 0, "half an append was shown")
    }

    @Test(.timeLimit(.minutes(1))) func `a reader of a position inside an append gets its end`() async throws {
        host.consume(records(1...3))
        let readers = (4...6 as ClosedRange<UInt64>).map { position in
            Task { try await host.sum(atLeast: position) }
        }
        try await eventually("readers wait") { host.waiting == 3 }
        host.consume(append(4...6))
        for reader in readers {
            let reading = try await reader.value
            #expect(reading.position == 6)
            #expect(reading.value == sum(to: 6))
        }
    }

    @Test func `were it given half an append, it would show and write nothing until the rest has come`() async throws {
        let folder = try TemporaryFolder()
        host.consume(records(1...3))
        for cut in 4...6 as ClosedRange<UInt64> {
            host.consume([record(cut, continues: true)])
            #expect(host.status.position == 3)
            await #expect(throws: Failure.notCaughtUp(position: 3)) {
                try await host.sum(atLeast: 0, patience: .milliseconds(5))
            }
            host.save(to: folder.path, after: 1)
            #expect(ProjectionHost<Sum>(logger: silence).load(from: folder.path) == nil)
        }
        host.consume([record(7)])
        host.reaches(7)
        #expect(try await host.sum(atLeast: 5).position == 7)
        host.save(to: folder.path, after: 1)
        #expect(ProjectionHost<Sum>(logger: silence).load(from: folder.path) == checkpoint(7))
    }

    @Test func `a record inside an append that cannot be applied leaves nothing to show, and nothing to write`()
        async throws
    {
        let folder = try TemporaryFolder()
        host.consume(records(1...2))
        host.consume([record(3, continues: true), record(4, data: "poison", continues: true), record(5)])
        host.consume(records(6...7))
        host.reaches(7)
        #expect(host.status.position == 2)
        #expect(host.status.failure?.position == 4)
        await #expect(throws: Failure.notCaughtUp(position: 2)) { try await host.sum(atLeast: 0) }
        host.save(to: folder.path, after: 1)
        #expect(ProjectionHost<Sum>(logger: silence).load(from: folder.path) == nil)
        host.restart()
        host.consume(records(1...2))
        host.reaches(2)
        #expect(try await host.sum(atLeast: 0).value == sum(to: 2))
    }

    @Test func `an append whose first record cannot be applied leaves what came before it, as stale`() async throws {
        host.consume(records(1...2))
        host.consume([record(3, data: "poison", continues: true), record(4)])
        let reading = try await host.sum(atLeast: 0)
        #expect(reading.position == 2)
        #expect(reading.isStale)
        #expect(reading.value == sum(to: 2))
    }

    @Test(arguments: [true, false])
    func `a checkpoint that is newer than others must be at the end of an append`(isInside: Bool) async {
        let set = ProjectionSet([host], logger: silence)
        host.begin(after: checkpoint(5))
        let other = record(5, continues: isInside)
        let ofAnotherHistory = RecordedEvent(
            position: 5, stream: other.stream, streamVersion: 5, recordedAt: other.recordedAt, event: other.event,
            continues: false, hash: hash(55))
        set.consume(append(1...4) + [isInside ? other : ofAnotherHistory, record(6)])
        set.followed(isLive: true, at: checkpoint(6), head: 6)
        #expect(host.status.failure?.position == 5)
        #expect(host.status.position == 5)
        await #expect(throws: Failure.notCaughtUp(position: 5)) { try await host.sum(atLeast: 0) }
    }

    @Test func `a window begins at the end of an append`() async throws {
        let host = ProjectionHost(window: 10, logger: silence) { RecentEvents(limit: 10, after: $0) }
        host.begin(after: .beginning)
        let all = append(1...60) + append(61...70) + append(71...90) + records(91...95)
        host.consume(all, head: 95)
        host.reaches(95)
        #expect(host.status.position == 95)
        let held = try await host.read(atLeast: 95, patience: .zero) { model, _ in
            model.records(after: 85, limit: 100)
        }
        #expect(held.value == .records(Array(all[85...])))
    }

    /// The whole way from the log to a checkpoint: records are lost and read, the service is stopped at any moment and
    /// begins again with what it had written down.
    @Test(arguments: 0..<60 as Range<UInt64>)
    func `I5: from any cuts and restarts comes the fold of whole appends`(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let folder = try TemporaryFolder()
        let (plain, ends) = balanced(60, ofAtMost: 9, &random)
        var log: [RecordedEvent] = []
        for record in plain {
            let previous = log.last?.hash ?? HashChain.genesis(of: logID)
            log.append(record.chained(after: previous))
        }
        var recorded = 0
        var (host, machine) = (ProjectionHost<Sum>(logger: silence), SubscriptionMachine(after: .beginning))

        func head() -> LogHead {
            recorded == 0
                ? LogHead(position: 0, hash: HashChain.genesis(of: logID), recordedAt: Timestamp(microseconds: 0))
                : LogHead(
                    position: UInt64(recorded), hash: log[recorded - 1].hash, recordedAt: log[recorded - 1].recordedAt)
        }
        func perform(_ actions: [SubscriptionMachine.Action]) {
            var next = actions[...]
            while let action = next.popFirst() {
                switch action {
                case .deliver(let records): host.consume(records, head: machine.knownHead)
                case .read(let position):
                    let page = log[Int(position)..<recorded].prefix(Int.random(in: 1...7, using: &random))
                    next += machine.readAnswered(
                        LogPage(status: LogStatus(logID: logID, head: head()), records: Array(page)))
                case .retryLater: next += machine.retryRead()
                case .diverged(let divergence): Issue.record("\(divergence)")
                }
            }
            host.followed(isLive: machine.isLive, at: machine.checkpoint, head: machine.knownHead)
        }
        func begin() {
            host = ProjectionHost<Sum>(logger: silence)
            let set = ProjectionSet([host], logger: silence)
            machine = SubscriptionMachine(after: set.begin(loadingFrom: folder.path))
        }
        begin()
        while recorded < log.count || host.status.position < UInt64(log.count) {
            switch Int.random(in: 0..<8, using: &random) {
            case 0...3 where recorded < log.count:
                // An append is durable as a whole; what is published of it may be lost.
                repeat { recorded += 1 } while log[recorded - 1].continues
                for record in log[Int(host.status.position)..<recorded] {
                    if Int.random(in: 0..<9, using: &random) > 0 { perform(machine.received(record, in: logID)) }
                }
            case 4: host.save(to: folder.path, after: 1)
            case 5: begin()
            default:
                perform(machine.receivedHeartbeat(position: head().position, hash: head().hash, in: logID))
            }
            #expect(ends.contains(host.status.position))
            guard host.status.hasCaughtUp else { continue }
            let reading = try await host.sum(atLeast: 0)
            #expect(reading.value == 0)
            #expect(reading.position == host.status.position)
        }
    }
}

extension RecordedEvent {
    /// The same with the hash that it must have.
    fileprivate func chained(after previous: Digest256) -> RecordedEvent {
        RecordedEvent(
            position: position, stream: stream, streamVersion: streamVersion, recordedAt: recordedAt, event: event,
            continues: continues, hash: HashChain.hash(of: self, after: previous, in: logID))
    }
}

import EventLogProtocol
import EventSourcing
import TestSupport
import Testing

@Suite struct SubscriptionMachineTests {
    private var log = ModelLog()

    private init() { for _ in 0..<10 { log.append() } }

    private func page(after position: UInt64, limit: Int = 100, of log: ModelLog? = nil) -> LogPage {
        let log = log ?? self.log
        return LogPage(
            status: LogStatus(logID: log.logID, head: log.head),
            records: Array(log.records.dropFirst(Int(position)).prefix(limit)))
    }

    private func heartbeat(_ machine: inout SubscriptionMachine, of log: ModelLog? = nil) -> [SubscriptionMachine
        .Action]
    {
        let log = log ?? self.log
        return machine.receivedHeartbeat(position: log.head.position, hash: log.head.hash, in: log.logID)
    }

    private func live(after position: UInt64 = 0) -> SubscriptionMachine {
        var machine = SubscriptionMachine(after: .beginning)
        _ = heartbeat(&machine)
        _ = machine.readAnswered(page(after: 0))
        #expect(machine.isLive)
        return machine
    }

    @Test func `reads nothing before the first message proves that the subscription is live`() {
        var machine = SubscriptionMachine(after: .beginning)
        #expect(!machine.isLive)
        #expect(heartbeat(&machine) == [.read(after: 0)])
        #expect(
            machine.readAnswered(page(after: 0, limit: 4)) == [.deliver(Array(log.records[..<4])), .read(after: 4)])
        #expect(machine.readAnswered(page(after: 4)) == [.deliver(Array(log.records[4...]))])
        #expect(machine.isLive)
        #expect(machine.position == 10)
    }

    @Test func `an empty log is live at once`() {
        var machine = SubscriptionMachine(after: .beginning)
        let empty = ModelLog()
        #expect(heartbeat(&machine, of: empty) == [.read(after: 0)])
        #expect(machine.readAnswered(page(after: 0, of: empty)) == [])
        #expect(machine.isLive)
    }

    @Test func `live events are handed on one by one, older ones dropped`() {
        var log = log
        var machine = live()
        log.append()
        #expect(machine.received(log.records[10], in: log.logID) == [.deliver([log.records[10]])])
        #expect(machine.received(log.records[10], in: log.logID) == [])
        #expect(machine.received(log.records[3], in: log.logID) == [])
        #expect(machine.repeats == 2)
    }

    @Test func `I9: a gap is read, and what came meanwhile follows it`() {
        var log = log
        var machine = live()
        for _ in 0..<4 { log.append() }
        #expect(machine.received(log.records[12], in: log.logID) == [.read(after: 10)])
        #expect(machine.received(log.records[13], in: log.logID) == [])
        let answer = LogPage(
            status: LogStatus(logID: log.logID, head: log.head), records: Array(log.records[10..<12]))
        #expect(
            machine.readAnswered(answer) == [
                .deliver(Array(log.records[10..<12])), .deliver(Array(log.records[12...])),
            ])
        #expect(machine.isLive)
        #expect(machine.gaps == 1)
    }

    @Test func `I9: a heartbeat shows a tail that was lost`() {
        var log = log
        var machine = live()
        log.append()
        #expect(heartbeat(&machine, of: log) == [.read(after: 10)])
        #expect(machine.lostTails == 1)
    }

    @Test func `a heartbeat that a read has overtaken is no reason to begin again`() {
        var machine = live()
        let old = log.records[4]
        #expect(machine.receivedHeartbeat(position: 5, hash: old.hash, in: log.logID) == [.read(after: 10)])
        #expect(machine.readAnswered(page(after: 10)) == [])
        #expect(machine.isLive)
    }

    @Test func `a failed read is tried again after a pause`() {
        var machine = SubscriptionMachine(after: .beginning)
        _ = heartbeat(&machine)
        #expect(machine.readFailed() == [.retryLater])
        #expect(machine.readAnswered(page(after: 0)) == [])
        #expect(machine.retryRead() == [.read(after: 0)])
        #expect(machine.retryRead() == [])
    }

    @Test func `a log that says more than it gives is not asked without a pause`() {
        var machine = SubscriptionMachine(after: .beginning)
        _ = heartbeat(&machine)
        let empty = LogPage(status: LogStatus(logID: log.logID, head: log.head), records: [])
        #expect(machine.readAnswered(empty) == [.retryLater])
    }

    @Test func `I10: another log, one that went back, and a broken chain end it by name`() throws {
        var other = ModelLog(id: 2)
        other.append()
        var machine = live()
        #expect(
            machine.received(other.records[0], in: other.logID)
                == [.diverged(.anotherLog(expected: log.logID, found: other.logID))])
        #expect(machine.received(log.records[0], in: log.logID) == [])

        machine = live()
        var short = ModelLog()
        short.append()
        #expect(heartbeat(&machine, of: short) == [.read(after: 10)])
        #expect(machine.readAnswered(page(after: 10, of: short)) == [.retryLater])
        #expect(machine.retryRead() == [.read(after: 10)])
        #expect(machine.readAnswered(page(after: 10, of: short)) == [.diverged(.wentBack(held: 10, head: 1))])

        machine = live()
        var forged = ModelLog()
        for _ in 0..<10 { forged.append() }
        forged.append("{\"forged\":true}")
        var log = log
        log.append()
        let record = log.records[10]
        let altered = RecordedEvent(
            position: 11, stream: record.stream, streamVersion: record.streamVersion, recordedAt: record.recordedAt,
            event: forged.records[10].event, hash: record.hash)
        #expect(machine.received(altered, in: log.logID) == [.diverged(.brokenChain(position: 11))])

        machine = live()
        #expect(
            machine.receivedHeartbeat(position: 10, hash: Digest256(1, 1, 1, 1), in: log.logID)
                == [.diverged(.brokenChain(position: 10))])
    }

    @Test func `goes on after a checkpoint, and only on its log`() {
        let checkpoint = LogCheckpoint(logID: log.logID, position: 4, hash: log.records[3].hash)
        var machine = SubscriptionMachine(after: checkpoint)
        // Its own record comes first: it shows that an append ends there.
        #expect(heartbeat(&machine) == [.read(after: 3)])
        #expect(machine.readAnswered(page(after: 3)) == [.deliver(Array(log.records[4...]))])

        machine = SubscriptionMachine(
            after: LogCheckpoint(logID: log.logID, position: 4, hash: Digest256(9, 9, 9, 9)))
        _ = heartbeat(&machine)
        #expect(machine.readAnswered(page(after: 3)) == [.diverged(.brokenChain(position: 4))])
    }

    /// Publishes, loses, repeats and delays at random, and fails and delays reads; whatever happens, what is handed on
    /// is the log's sequence, and once it is quiet, all of it.
    @Test(arguments: 0..<300 as Range<UInt64>)
    func `I9: from any schedule comes the exact sequence`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var log = ModelLog()
        var machine = SubscriptionMachine(after: .beginning, waitingLimit: Int.random(in: 1...8, using: &random))
        var wire: [Int] = []
        var subscriber = ModelSubscriber(seed: seed)

        func answerRead() {
            guard let position = subscriber.pendingRead else { return }
            subscriber.pendingRead = nil
            let page = self.page(after: position, limit: .random(in: 1...6, using: &random), of: log)
            subscriber.take(machine.readAnswered(page))
        }
        for _ in 0..<400 {
            switch Int.random(in: 0..<10, using: &random) {
            case 0...2:
                log.append()
                wire.append(log.records.count - 1)
            case 3...5:
                if !wire.isEmpty { subscriber.take(machine.received(log.records[wire.removeFirst()], in: log.logID)) }
            case 6:
                if !wire.isEmpty { wire.removeFirst(Int.random(in: 1...wire.count, using: &random)) }
            case 7:
                answerRead()
            case 8:
                if subscriber.pendingRead != nil, Bool.random(using: &random) {
                    subscriber.pendingRead = nil
                    subscriber.take(machine.readFailed())
                } else if subscriber.mustRetry {
                    subscriber.mustRetry = false
                    subscriber.take(machine.retryRead())
                }
            default:
                // A heartbeat travels the same way as events, so it comes after those before it.
                if wire.isEmpty { subscriber.take(heartbeat(&machine, of: log)) }
            }
        }
        for _ in 0..<1000 where subscriber.delivered.count < log.records.count || !machine.isLive {
            wire = []
            subscriber.take(heartbeat(&machine, of: log))
            answerRead()
            if subscriber.mustRetry {
                subscriber.mustRetry = false
                subscriber.take(machine.retryRead())
            }
        }
        #expect(subscriber.delivered == log.records)
        #expect(machine.position == log.head.position)
        #expect(machine.checkpoint.hash == log.head.hash || log.records.isEmpty)
    }
}

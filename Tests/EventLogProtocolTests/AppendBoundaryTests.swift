import EventSourcing
import TestSupport
import Testing

@testable import EventLogProtocol

/// No subscriber is handed half an append, wherever it is cut, lost or begun again.
@Suite struct AppendBoundaryTests {
    private typealias Action = SubscriptionMachine.Action

    /// Three single records, an append of four (positions 4 to 7), one of two (8 and 9), and a single one.
    private var log = ModelLog()

    private init() {
        for count in [1, 1, 1, 4, 2, 1] { log.append(records: count) }
    }

    private func page(after position: UInt64, limit: Int = 10_000, of log: ModelLog? = nil) -> LogPage {
        let log = log ?? self.log
        return LogPage(
            status: LogStatus(logID: log.logID, head: log.head),
            records: Array(log.records.dropFirst(Int(position)).prefix(limit)))
    }

    private func heartbeat(_ machine: inout SubscriptionMachine, of log: ModelLog? = nil) -> [Action] {
        let log = log ?? self.log
        return machine.receivedHeartbeat(position: log.head.position, hash: log.head.hash, in: log.logID)
    }

    private func checkpoint(_ position: UInt64) -> LogCheckpoint {
        LogCheckpoint(logID: log.logID, position: position, hash: log.records[Int(position) - 1].hash)
    }

    /// A machine that holds the first records and is live.
    private func live(holding count: Int) -> SubscriptionMachine {
        var head = ModelLog()
        for record in log.records.prefix(count) { head.append(continues: record.continues) }
        var machine = SubscriptionMachine(after: .beginning)
        _ = heartbeat(&machine, of: head)
        _ = machine.readAnswered(page(after: 0, of: head))
        #expect(machine.position == UInt64(count))
        #expect(machine.isLive)
        return machine
    }

    @Test func `live records of an append are handed on together, with its last one`() {
        var machine = live(holding: 3)
        for index in 3..<6 {
            #expect(machine.received(log.records[index], in: log.logID) == [])
            #expect(machine.position == 3)
            #expect(machine.checkpoint == checkpoint(3))
            #expect(machine.knownHead == 3)
            // Whoever asks for a position inside the append waits for its end.
            #expect(machine.isLive)
        }
        #expect(machine.received(log.records[4], in: log.logID) == [])
        #expect(machine.repeats == 1)
        #expect(machine.received(log.records[6], in: log.logID) == [.deliver(Array(log.records[3...6]))])
        #expect(machine.checkpoint == checkpoint(7))
    }

    @Test(arguments: 1...9)
    func `pages may end inside an append, what is handed on does not`(limit: Int) {
        var machine = SubscriptionMachine(after: .beginning)
        var actions = heartbeat(&machine)
        var delivered: [RecordedEvent] = []
        var reads = 0
        while let action = actions.last, case .read(let position) = action {
            reads += 1
            actions = machine.readAnswered(page(after: position, limit: limit))
            for case .deliver(let records) in actions {
                #expect(records.last?.continues == false)
                delivered += records
            }
            #expect(machine.position == UInt64(delivered.count))
        }
        #expect(delivered == log.records)
        #expect(reads == (10 + limit - 1) / limit)
        #expect(machine.isLive)
    }

    @Test(arguments: 3..<7)
    func `I9: whichever record of an append is lost, it is read, and the append handed on whole`(lost: Int) {
        var machine = live(holding: 3)
        var actions: [Action] = []
        for index in 3..<7 where index != lost { actions += machine.received(log.records[index], in: log.logID) }
        if lost == 6 {
            #expect(actions == [])
            actions = heartbeat(&machine)
            #expect(machine.lostTails == 1)
        } else {
            #expect(machine.gaps == 1)
        }
        // What came before the loss is held, and read no second time.
        #expect(actions == [.read(after: UInt64(lost))])
        let answer = machine.readAnswered(page(after: UInt64(lost)))
        #expect(answer == [.deliver(Array(log.records[3...]))])
        #expect(machine.isLive)
    }

    @Test(arguments: 4...6 as ClosedRange<UInt64>)
    func `a restart inside an append goes on at its beginning`(cut: UInt64) {
        var machine = live(holding: 3)
        for index in 3..<Int(cut) { _ = machine.received(log.records[index], in: log.logID) }
        machine = SubscriptionMachine(after: machine.checkpoint)
        #expect(heartbeat(&machine) == [.read(after: 2)])
        #expect(machine.readAnswered(page(after: 2)) == [.deliver(Array(log.records[3...]))])
    }

    @Test(arguments: [4, 5, 6, 8] as [UInt64])
    func `a checkpoint inside an append is not used`(position: UInt64) {
        var machine = SubscriptionMachine(after: checkpoint(position))
        #expect(heartbeat(&machine) == [.read(after: position - 1)])
        #expect(
            machine.readAnswered(page(after: position - 1)) == [.diverged(.insideAppend(position: position))])
        #expect(!machine.isLive)
    }

    @Test func `a checkpoint is not used before its own record was seen`() {
        var machine = SubscriptionMachine(after: checkpoint(10))
        #expect(heartbeat(&machine) == [.read(after: 9)])
        #expect(machine.readAnswered(page(after: 10)) == [.retryLater])
        #expect(!machine.isLive)
        #expect(machine.retryRead() == [.read(after: 9)])
        #expect(machine.readAnswered(page(after: 9)) == [])
        #expect(machine.isLive)
        // A page of one record brings nothing new, and is no reason to wait.
        machine = SubscriptionMachine(after: checkpoint(9))
        #expect(heartbeat(&machine) == [.read(after: 8)])
        #expect(machine.readAnswered(page(after: 8, limit: 1)) == [.read(after: 9)])
    }

    @Test func `I10: a record that does not follow ends it after the appends before, without the half one`() {
        var forged = log.records
        let record = forged[5]
        forged[5] = RecordedEvent(
            position: 6, stream: record.stream, streamVersion: record.streamVersion, recordedAt: record.recordedAt,
            event: record.event, continues: false, hash: record.hash)
        var machine = SubscriptionMachine(after: .beginning)
        _ = heartbeat(&machine)
        let page = LogPage(status: LogStatus(logID: log.logID, head: log.head), records: forged)
        #expect(
            machine.readAnswered(page) == [
                .deliver(Array(log.records[..<3])), .diverged(.brokenChain(position: 6)),
            ])
        #expect(machine.checkpoint == checkpoint(3))
    }

    @Test func `a log that went back into an append that is held back is one that went back`() {
        var machine = live(holding: 3)
        _ = machine.received(log.records[3], in: log.logID)
        var short = ModelLog()
        short.append(records: 1)
        #expect(heartbeat(&machine, of: short) == [.read(after: 4)])
        #expect(machine.readAnswered(page(after: 4, of: short)) == [.retryLater])
        #expect(machine.retryRead() == [.read(after: 4)])
        #expect(machine.readAnswered(page(after: 4, of: short)) == [.diverged(.wentBack(held: 4, head: 1))])
    }

    @Test func `a log that ends inside an append is read again after pauses, and says so`() {
        var cut = ModelLog()
        cut.append()
        cut.append(continues: true)
        cut.append(continues: true)
        var machine = SubscriptionMachine(after: .beginning)
        _ = heartbeat(&machine, of: cut)
        #expect(machine.readAnswered(page(after: 0, of: cut)) == [.deliver([cut.records[0]]), .read(after: 3)])
        #expect(machine.readAnswered(page(after: 3, of: cut)) == [.retryLater])
        #expect(machine.obstacle == .unfinishedAppend(after: 1))
        #expect(!machine.isLive)
        #expect(machine.position == 1)
        // Should its end come after all, it goes on.
        cut.append()
        #expect(machine.retryRead() == [.read(after: 3)])
        #expect(machine.readAnswered(page(after: 3, of: cut)) == [.deliver(Array(cut.records[1...]))])
        #expect(machine.obstacle == nil)
        #expect(machine.isLive)
    }

    // MARK: what is held is bounded

    @Test func `the largest append is handed on, and one that goes on beyond it never fills the memory`() {
        var log = ModelLog()
        log.append()
        log.append(records: 10_000)
        var machine = SubscriptionMachine(after: .beginning)
        _ = heartbeat(&machine, of: log)
        #expect(machine.readAnswered(page(after: 0, limit: 6000, of: log)).last == .read(after: 6000))
        #expect(machine.readAnswered(page(after: 6000, of: log)) == [.deliver(Array(log.records[1...]))])

        var endless = ModelLog()
        endless.append()
        endless.append(records: 10_001)
        machine = SubscriptionMachine(after: .beginning)
        _ = heartbeat(&machine, of: endless)
        let beginning = endless.records[0]
        #expect(
            machine.readAnswered(page(after: 0, limit: 6000, of: endless)) == [
                .deliver([beginning]), .read(after: 6000),
            ])
        // What was held of it is let go of, and read again after a pause, in vain.
        #expect(machine.readAnswered(page(after: 6000, of: endless)) == [.retryLater])
        #expect(machine.obstacle == .endlessAppend(after: 1))
        #expect(!machine.isLive)
        #expect(machine.checkpoint.position == 1)
        #expect(machine.received(endless.records[5], in: endless.logID) == [])
        #expect(machine.retryRead() == [.read(after: 1)])
        #expect(machine.readAnswered(page(after: 1, of: endless)) == [.retryLater])
        #expect(machine.obstacle == .endlessAppend(after: 1))
    }

    @Test func `records beyond the largest append are given up, and read again from its beginning`() {
        var held = HeldAppend()
        var log = ModelLog()
        log.append(records: 2)
        for _ in 0..<9999 { log.append(continues: true) }
        var outcome = held.take(Array(log.records))
        #expect(outcome.whole == Array(log.records[..<2]))
        #expect(!outcome.isTooLarge)
        #expect(held.records.count == 9999)
        log.append(continues: true)
        outcome = held.take([log.records.last!])
        #expect(outcome.isTooLarge)
        #expect(outcome.whole == [])
        #expect(held.records == [])

        // The same by their bytes; what is whole before it is handed on.
        log = ModelLog()
        log.append()
        for _ in 0..<9 { log.append(String(repeating: "1", count: (1 << 20) - 8), continues: true) }
        outcome = held.take(Array(log.records[..<9]))
        #expect(outcome.whole.count == 1)
        let isTooLarge = outcome.isTooLarge
        #expect(!isTooLarge)
        outcome = held.take([log.records[9]])
        let isTooLargeNow = outcome.isTooLarge
        #expect(isTooLargeNow)
        #expect(held.records.count == 0)
        outcome = held.take(Array(log.records))
        #expect(outcome.whole.count == 1)
        #expect(held.records.count == 0)
    }

    // MARK: any schedule

    /// Publishes appends of many sizes, loses, repeats and delays records at random, fails reads, and crashes and goes on
    /// after the checkpoint; whatever happens, only whole appends are handed on, and in the end all of them once.
    @Test(arguments: 0..<400 as Range<UInt64>)
    func `I9: from any schedule and any restart comes the exact sequence of whole appends`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var log = ModelLog()
        var machine = SubscriptionMachine(after: .beginning, waitingLimit: Int.random(in: 1...8, using: &random))
        var wire: [Int] = []
        var delivered: [RecordedEvent] = []
        var pendingRead: UInt64?
        var mustRetry = false

        func take(_ actions: [Action]) {
            for action in actions {
                switch action {
                case .deliver(let records):
                    #expect(records.last?.continues == false)
                    delivered += records
                case .read(let position):
                    #expect(pendingRead == nil, "two reads at once")
                    pendingRead = position
                case .retryLater: mustRetry = true
                case .diverged(let divergence): Issue.record("\(divergence)")
                }
            }
            #expect(machine.position == UInt64(delivered.count))
            #expect(machine.obstacle == nil)
        }
        func answerRead() {
            guard let position = pendingRead else { return }
            pendingRead = nil
            take(machine.readAnswered(self.page(after: position, limit: .random(in: 1...6, using: &random), of: log)))
        }
        for _ in 0..<500 {
            switch Int.random(in: 0..<11, using: &random) {
            case 0...1:
                let first = log.records.count
                log.append(records: Bool.random(using: &random) ? 1 : Int.random(in: 1...12, using: &random))
                wire += first..<log.records.count
            case 2...5:
                if !wire.isEmpty { take(machine.received(log.records[wire.removeFirst()], in: log.logID)) }
            case 6:
                if !wire.isEmpty { wire.removeFirst(Int.random(in: 1...min(wire.count, 5), using: &random)) }
            case 7:
                answerRead()
            case 8:
                if pendingRead != nil, Bool.random(using: &random) {
                    pendingRead = nil
                    take(machine.readFailed())
                } else if mustRetry {
                    mustRetry = false
                    take(machine.retryRead())
                }
            case 9:
                // A crash: what it held goes, its connections too.
                guard Int.random(in: 0..<4, using: &random) == 0 else { break }
                machine = SubscriptionMachine(after: machine.checkpoint, waitingLimit: 3)
                (pendingRead, mustRetry) = (nil, false)
                wire = []
            default:
                if wire.isEmpty { take(heartbeat(&machine, of: log)) }
            }
        }
        for _ in 0..<3000 where delivered.count < log.records.count || !machine.isLive {
            wire = []
            take(heartbeat(&machine, of: log))
            answerRead()
            if mustRetry {
                mustRetry = false
                take(machine.retryRead())
            }
        }
        #expect(delivered == log.records)
        #expect(machine.checkpoint.hash == log.head.hash || log.records.isEmpty)
    }
}

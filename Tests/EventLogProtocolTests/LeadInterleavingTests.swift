import EventSourcing
import TestSupport
import Testing

@testable import EventLogProtocol

/// What a subscriber makes of services that lead in turn while more than one of them speaks.
@Suite struct LeadInterleavingTests {
    private typealias Action = SubscriptionMachine.Action

    private func log(_ count: Int) -> ModelLog {
        var log = ModelLog()
        for _ in 0..<count { log.append() }
        return log
    }

    private func page(_ log: ModelLog, after position: UInt64, limit: Int = 100, epoch: UInt64) -> LogPage {
        LogPage(
            status: LogStatus(logID: log.logID, head: log.head, epoch: epoch),
            records: Array(log.records.dropFirst(Int(position)).prefix(limit)))
    }

    private func heartbeat(_ machine: inout SubscriptionMachine, of log: ModelLog, epoch: UInt64) -> [Action] {
        machine.receivedHeartbeat(position: log.head.position, hash: log.head.hash, in: log.logID, epoch: epoch)
    }

    private func caughtUp(_ log: ModelLog, epoch: UInt64) -> SubscriptionMachine {
        var machine = SubscriptionMachine(after: .beginning)
        _ = heartbeat(&machine, of: log, epoch: epoch)
        _ = machine.readAnswered(page(log, after: 0, epoch: epoch))
        #expect(machine.isLive)
        return machine
    }

    @Test func `a heartbeat of an earlier lead is ignored`() {
        let log = log(10)
        var machine = caughtUp(log, epoch: 5)
        let stale = self.log(4)
        #expect(heartbeat(&machine, of: stale, epoch: 4) == [])
        // Nor a head beyond: nobody but the leader knows it.
        let longer = self.log(12)
        #expect(heartbeat(&machine, of: longer, epoch: 4) == [])
        #expect(machine.knownHead == 10)
        #expect(!machine.believesHeartbeat(of: 4, in: log.logID))
        #expect(machine.believesHeartbeat(of: 5, in: log.logID))
        // A log that counts no leads is the one that there is.
        #expect(machine.believesHeartbeat(of: 0, in: log.logID))
        #expect(heartbeat(&machine, of: longer, epoch: 6) == [.read(after: 10)])
        #expect(!machine.believesHeartbeat(of: 5, in: log.logID))
    }

    @Test func `a page of an earlier lead is asked for again, and its end is not the log's`() {
        let log = log(10)
        var machine = caughtUp(log, epoch: 5)
        #expect(heartbeat(&machine, of: self.log(11), epoch: 6) == [.read(after: 10)])
        for _ in 0..<5 {
            #expect(machine.readAnswered(page(self.log(4), after: 10, epoch: 5)) == [.retryLater])
            #expect(machine.retryRead() == [.read(after: 10)])
        }
        let now = self.log(11)
        #expect(machine.readAnswered(page(now, after: 10, epoch: 6)) == [.deliver([now.records[10]])])
        #expect(machine.isLive)
    }

    @Test func `an event is taken whoever sends it, and once`() {
        let log = log(12)
        var machine = caughtUp(self.log(10), epoch: 5)
        #expect(heartbeat(&machine, of: self.log(10), epoch: 6) == [])
        // The deposed one publishes what it had recorded before.
        #expect(machine.received(log.records[10], in: log.logID) == [.deliver([log.records[10]])])
        #expect(machine.received(log.records[10], in: log.logID) == [])
        #expect(machine.received(log.records[11], in: log.logID) == [.deliver([log.records[11]])])
        #expect(machine.repeats == 1)
    }

    @Test func `a machine that begins again knows the lead that the one before it knew`() {
        let log = log(3)
        let machine = caughtUp(log, epoch: 5)
        var next = SubscriptionMachine(after: .beginning, lead: machine.knownLead)
        #expect(heartbeat(&next, of: log, epoch: 4) == [])
        #expect(heartbeat(&next, of: log, epoch: 5) == [.read(after: 0)])
    }

    /// A service as a subscriber meets it: what it says travels in order, apart from what others say.
    private struct Service {
        enum Message {
            case event(Int)
            case heartbeat(head: Int)
        }

        let epoch: UInt64
        /// How many of the records it knows of.
        var count: Int
        var wire: [Message]
    }

    /// The lead changes again and again, and those who led before go on to beat, to publish what they have, and to answer
    /// reads, each with what it knew. Events are lost and repeated. What is handed on is the log's sequence all the same.
    @Test(arguments: 0..<300 as Range<UInt64>)
    func `I9: from any number of leaders comes the exact sequence`(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var log = ModelLog()
        var services = [Service(epoch: 1, count: 0, wire: [.heartbeat(head: 0)])]
        var machine = SubscriptionMachine(after: .beginning, waitingLimit: Int.random(in: 1...8, using: &random))
        var subscriber = ModelSubscriber(seed: seed)
        var highest: UInt64 = 0

        func known(_ count: Int) -> (head: LogHead, records: ArraySlice<RecordedEvent>) {
            guard count > 0 else { return (ModelLog().head, []) }
            let last = log.records[count - 1]
            return (
                LogHead(position: last.position, hash: last.hash, recordedAt: last.recordedAt), log.records[..<count]
            )
        }
        func hear(_ index: Int) {
            guard !services[index].wire.isEmpty else { return }
            switch services[index].wire.removeFirst() {
            case .event(let place): subscriber.take(machine.received(log.records[place], in: log.logID))
            case .heartbeat(let count):
                let (head, epoch) = (known(count).head, services[index].epoch)
                let before = (machine.position, machine.knownHead)
                let actions = machine.receivedHeartbeat(
                    position: head.position, hash: head.hash, in: log.logID, epoch: epoch)
                if epoch < highest {
                    #expect(actions.isEmpty && before == (machine.position, machine.knownHead))
                }
                highest = max(highest, epoch)
                subscriber.take(actions)
            }
        }
        func answerRead(by index: Int) {
            guard let position = subscriber.pendingRead else { return }
            subscriber.pendingRead = nil
            let (head, records) = known(services[index].count)
            let page = LogPage(
                status: LogStatus(logID: log.logID, head: head, epoch: services[index].epoch),
                records: Array(records.dropFirst(Int(position)).prefix(.random(in: 1...6, using: &random))))
            highest = max(highest, services[index].epoch)
            subscriber.take(machine.readAnswered(page))
        }
        for _ in 0..<500 {
            let last = services.count - 1
            let any = Int.random(in: 0...last, using: &random)
            switch Int.random(in: 0..<14, using: &random) {
            case 0...2:
                log.append()
                services[last].count = log.records.count
                services[last].wire.append(.event(log.records.count - 1))
            case 3...6:
                hear(any)
            case 7:
                // A queue that is full loses what comes: never the first heartbeat of a new subscriber.
                let wire = services[any].wire
                if wire.count > 1 {
                    services[any].wire.removeSubrange(Int.random(in: 1..<wire.count, using: &random)...)
                }
            case 8:
                services[any].wire.append(.heartbeat(head: services[any].count))
            case 9:
                // One that was frozen publishes again what it had.
                if services[any].count > 0 {
                    services[any].wire.append(.event(.random(in: 0..<services[any].count, using: &random)))
                }
            case 10, 11:
                // A service that has published may be asked; one whose lead is over, too.
                answerRead(by: services[any].epoch <= highest ? any : last)
            case 12:
                if subscriber.mustRetry {
                    subscriber.mustRetry = false
                    subscriber.take(machine.retryRead())
                } else if subscriber.pendingRead != nil, Bool.random(using: &random) {
                    subscriber.pendingRead = nil
                    subscriber.take(machine.readFailed())
                }
            default:
                guard Int.random(in: 0..<6, using: &random) == 0 else { continue }
                let count = log.records.count
                services.append(
                    Service(epoch: services[last].epoch + 1, count: count, wire: [.heartbeat(head: count)]))
            }
        }
        let last = services.count - 1
        for _ in 0..<1000 where subscriber.delivered.count < log.records.count || !machine.isLive {
            services[last].wire = [.heartbeat(head: log.records.count)]
            hear(last)
            answerRead(by: last)
            if subscriber.mustRetry {
                subscriber.mustRetry = false
                subscriber.take(machine.retryRead())
            }
        }
        #expect(subscriber.delivered == log.records)
        #expect(machine.isLive && machine.position == log.head.position)
    }
}

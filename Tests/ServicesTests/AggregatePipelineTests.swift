import CommandService
import EventSourcing
import TestSupport
import Testing

@Suite struct AggregatePipelineTests {
    private typealias Pipeline = AggregatePipeline<Tally>

    private let stream = StreamID(category: "tally", name: "t")!
    private var ids = IDs()

    /// Ids 1, 2, 3, …
    private struct IDs {
        var last: UInt64 = 0
        mutating func next() -> UniqueID {
            last += 1
            return UniqueID(high: 1, low: last)
        }
    }

    private func record(_ version: UInt64, by: Int, id: UniqueID) -> RecordedEvent {
        RecordedEvent(
            position: version + 100, stream: stream, streamVersion: version,
            recordedAt: Timestamp(microseconds: Int64(version)),
            event: NewEvent(id: id, type: "Counted", schemaVersion: 1, data: Array("{\"by\":\(by)}".utf8)),
            hash: Digest256(0, 0, 0, 0))
    }

    private func commit(_ version: UInt64) -> Commit {
        Commit(position: version, recordedAt: Timestamp(microseconds: Int64(version)), streamVersions: [version])
    }

    private func append(_ decision: Pipeline.Decision) throws -> (Pipeline.Ticket, StreamWrite) {
        guard case .append(let ticket, let write) = decision else {
            throw AppendExpected(decision: "\(decision)")
        }
        return (ticket, write)
    }

    private struct AppendExpected: Error { let decision: String }

    @Test mutating func `decides on what is under way, and names the event that it stands on`() throws {
        var pipeline = Pipeline(at: Revision(of: stream))
        let (first, firstWrite) = try append(try pipeline.decide(600) { ids.next() })
        let (second, secondWrite) = try append(try pipeline.decide(300) { ids.next() })
        #expect(firstWrite.expected == .exactly(0))
        #expect(secondWrite.expected == .exactly(1, lastEvent: UniqueID(high: 1, low: 1)))
        #expect(pipeline.confirmed.version == 0)

        guard case .settled(.refused(.full(at: 900)), let basis) = try pipeline.decide(200, makeID: { ids.next() })
        else {
            Issue.record("200 more should have been refused on what is under way")
            return
        }
        #expect(basis.ticket == second)
        #expect(try pipeline.committed(first, commit(1))?.state.count == 600)
        let last = try #require(try pipeline.committed(second, commit(2)))
        #expect(last.state.count == 900)
        #expect(last.updatedAt == Timestamp(microseconds: 2))
        #expect(last.createdAt == Timestamp(microseconds: 1))
        #expect(pipeline.isIdle)
    }

    @Test mutating func `a refused append unwinds all that stood on it`() throws {
        var pipeline = Pipeline(at: Revision(of: stream))
        let (first, _) = try append(try pipeline.decide(10) { ids.next() })
        let (second, _) = try append(try pipeline.decide(20) { ids.next() })
        let other = record(1, by: 500, id: UniqueID(high: 2, low: 1))
        let isKnown = try pipeline.refused(
            first, AppendConflict([StreamConflict(write: 0, stream: stream, actual: 1, missed: [other])]))
        #expect(isKnown)
        #expect(!pipeline.isPending(second))
        #expect(pipeline.confirmed.state.count == 500)
        let (third, write) = try append(try pipeline.decide(10) { ids.next() })
        #expect(write.expected == .exactly(1, lastEvent: UniqueID(high: 2, low: 1)))
        // The late refusal of the second says nothing about the third.
        #expect(
            try pipeline.refused(
                second, AppendConflict([StreamConflict(write: 0, stream: stream, actual: 1, missed: [other])])))
        #expect(pipeline.isPending(third))
        #expect(try pipeline.committed(second, commit(2)) == nil)
        #expect(try pipeline.committed(third, commit(2))?.state.count == 510)
    }

    @Test mutating func `an append that failed takes with it what stood on it, and nothing before it`() throws {
        var pipeline = Pipeline(at: Revision(of: stream))
        let (first, _) = try append(try pipeline.decide(10) { ids.next() })
        let (second, _) = try append(try pipeline.decide(20) { ids.next() })
        let (third, _) = try append(try pipeline.decide(30) { ids.next() })
        pipeline.failed(second)
        #expect(pipeline.isPending(first))
        #expect(!pipeline.isPending(second))
        #expect(!pipeline.isPending(third))
        let (_, write) = try append(try pipeline.decide(1) { ids.next() })
        #expect(write.expected == .exactly(1, lastEvent: UniqueID(high: 1, low: 1)))
    }

    @Test mutating func `missed events cut short, or of another course, are to be loaded`() throws {
        var pipeline = Pipeline(at: Revision(of: stream))
        let (first, _) = try append(try pipeline.decide(10) { ids.next() })
        let some = record(1, by: 1, id: UniqueID(high: 2, low: 1))
        #expect(
            try !pipeline.refused(
                first, AppendConflict([StreamConflict(write: 0, stream: stream, actual: 200, missed: [some])])))

        let (second, _) = try append(try pipeline.decide(10) { ids.next() })
        let strange = record(1, by: 1, id: UniqueID(high: 3, low: 3))
        #expect(
            try !pipeline.refused(
                second, AppendConflict([StreamConflict(write: 0, stream: stream, actual: 1, missed: [strange])])))
    }

    @Test mutating func `an answer that tells less than is known changes nothing`() throws {
        var pipeline = Pipeline(at: Revision(of: stream))
        let (first, _) = try append(try pipeline.decide(10) { ids.next() })
        let (second, _) = try append(try pipeline.decide(20) { ids.next() })
        let other = record(1, by: 500, id: UniqueID(high: 2, low: 1))
        let conflict = AppendConflict([StreamConflict(write: 0, stream: stream, actual: 1, missed: [other])])
        #expect(try pipeline.refused(first, conflict))
        let (third, _) = try append(try pipeline.decide(10) { ids.next() })
        #expect(try pipeline.committed(third, commit(2))?.version == 2)
        // The conflict of the second was found when the stream was at version 1.
        #expect(try pipeline.refused(second, conflict))
        #expect(pipeline.confirmed.state.count == 510)
    }

    @Test mutating func `tickets from before a restart are nobody else's`() throws {
        var pipeline = Pipeline(at: Revision(of: stream))
        let (old, _) = try append(try pipeline.decide(10) { ids.next() })
        pipeline.restart(at: Revision(of: stream))
        let (new, _) = try append(try pipeline.decide(20) { ids.next() })
        #expect(old != new)
        #expect(try pipeline.committed(old, commit(1)) == nil)
        #expect(pipeline.isPending(new))
    }

    @Test mutating func `a command that changes nothing stands on what is under way`() throws {
        var pipeline = Pipeline(at: Revision(of: stream))
        guard case .settled(.nothing, let alone) = try pipeline.decide(0, makeID: { ids.next() }) else {
            Issue.record("0 changes nothing")
            return
        }
        #expect(alone.ticket == nil)
        #expect(alone.expected == .exactly(0))
        let (ticket, _) = try append(try pipeline.decide(1) { ids.next() })
        guard case .settled(.nothing, let basis) = try pipeline.decide(0, makeID: { ids.next() }) else {
            Issue.record("0 changes nothing, on what is under way")
            return
        }
        #expect(basis.ticket == ticket)
        #expect(basis.expected == .exactly(1, lastEvent: UniqueID(high: 1, low: 1)))
    }

    @Test mutating func `a condition is judged on what is under way`() throws {
        var pipeline = Pipeline(at: Revision(of: stream))
        let (ticket, _) = try append(try pipeline.decide(1, where: { $0 == 0 }) { ids.next() })
        guard
            case .settled(.conditionFailed(actual: 1), let basis) = try pipeline.decide(
                1, where: { $0 == 0 }, makeID: { ids.next() })
        else {
            Issue.record("the version is 1, as far as is known")
            return
        }
        #expect(basis.ticket == ticket)
    }

    /// Two gateways on one log, at random: answers may be late, appends may be lost before or after the log took them.
    /// The log is a sequential reference; no tally ever goes beyond its bound, every acknowledged count is in it once.
    @Test(arguments: 0..<300 as Range<UInt64>)
    func `I6: racing pipelines agree with a sequential reference`(seed: UInt64) throws {
        struct Flight {
            let ticket: Pipeline.Ticket
            let write: StreamWrite
            let by: Int
            var result: AppendResult?
        }
        var random = SeededGenerator(seed: seed)
        var log: [RecordedEvent] = []
        var ids = IDs()
        var pipelines = [Pipeline(at: Revision(of: stream)), Pipeline(at: Revision(of: stream))]
        var flights: [[Flight]] = [[], []]
        var acknowledged = 0
        var unknown = 0

        func logAppends(_ write: StreamWrite) -> AppendResult {
            guard case .exactly(let version, let last) = write.expected else { return .invalid("no version") }
            let actual = UInt64(log.count)
            guard version == actual, last == nil || last == log.last?.event.id else {
                let seen = version < actual ? Int(version) : max(0, Int(actual) - 1)
                return .conflict(
                    AppendConflict([
                        StreamConflict(
                            write: 0, stream: stream, actual: actual, missed: Array(log[max(0, seen - 1)...]))
                    ]))
            }
            for event in write.events {
                let position = UInt64(log.count + 1)
                log.append(
                    RecordedEvent(
                        position: position, stream: stream, streamVersion: position,
                        recordedAt: Timestamp(microseconds: Int64(position)), event: event, hash: Digest256(0, 0, 0, 0))
                )
            }
            return .committed(commit(UInt64(log.count)))
        }
        // What is under way stays so, and is answered late.
        func reload(_ gateway: Int) throws {
            pipelines[gateway].restart(at: try Revision(of: stream, folding: log))
        }
        for _ in 0..<300 {
            let gateway = Int.random(in: 0...1, using: &random)
            switch Int.random(in: 0..<10, using: &random) {
            case 0...3:
                let by = Int.random(in: -20...60, using: &random)
                let decision = try pipelines[gateway].decide(by) { ids.next() }
                if case .append(let ticket, let write) = decision {
                    flights[gateway].append(Flight(ticket: ticket, write: write, by: by))
                }
            case 4...6:
                if let index = flights[gateway].firstIndex(where: { $0.result == nil }) {
                    flights[gateway][index].result = logAppends(flights[gateway][index].write)
                }
            case 7...8:
                guard let flight = flights[gateway].first, let result = flight.result else { continue }
                flights[gateway].removeFirst()
                switch result {
                case .committed(let commit):
                    acknowledged += flight.by
                    if let revision = try pipelines[gateway].committed(flight.ticket, commit) {
                        let truth = try Revision<Tally>(of: stream, folding: log[..<Int(revision.version)])
                        #expect(revision == truth)
                    }
                case .conflict(let conflict):
                    if try !pipelines[gateway].refused(flight.ticket, conflict) { try reload(gateway) }
                default:
                    Issue.record("\(result)")
                }
            default:
                // The connection is lost, with everything under way.
                for flight in flights[gateway] {
                    pipelines[gateway].failed(flight.ticket)
                    if case .committed = flight.result { unknown += flight.by }
                }
                flights[gateway] = []
            }
        }
        for gateway in 0...1 {
            for flight in flights[gateway] { if case .committed = flight.result { unknown += flight.by } }
        }
        let truth = try Revision<Tally>(of: stream, folding: log)
        #expect(truth.state.count == acknowledged + unknown)
        #expect(truth.state.count <= Tally.most)
    }
}

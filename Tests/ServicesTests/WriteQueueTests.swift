import EventSourcing
import Testing

@testable import EventLogService

@Suite struct WriteQueueTests {
    private let stream = StreamID(category: "tally", name: "t")!

    private func snapshot(_ version: UInt64, bytes: Int = 1) -> Snapshot {
        Snapshot(
            stream: stream, version: version, lastEvent: .version7(at: .now()), createdAt: .now(), updatedAt: .now(),
            fingerprint: Digest256(1, 2, 3, 4), state: Array(repeating: 1, count: bytes))
    }

    private func keep(_ version: UInt64, bytes: Int = 1) -> SnapshotOrder {
        SnapshotOrder(.keep(snapshot(version, bytes: bytes)), RequestSender(peer: [1], number: version))
    }

    private func drop(_ version: UInt64) -> SnapshotOrder {
        SnapshotOrder(
            .drop(stream, fingerprint: Digest256(1, 2, 3, 4), version: version),
            RequestSender(peer: [1], number: version))
    }

    private func shape(_ writes: [PendingWrite]) -> [String] {
        writes.map { write in
            switch write.content {
            case .append(let requests, let areChecks): "\(areChecks ? "checks" : "append") \(requests.count)"
            case .keep(let snapshots): "keep \(snapshots.map(\.version))"
            case .drop(_, _, let version): "drop \(version)"
            case .probe: "probe"
            }
        }
    }

    private func begun(_ queue: inout WriteQueue) -> UInt64? { queue.begin()?.number }

    /// What was taken out, by its number of requests.
    private func ended(_ queue: inout WriteQueue) -> Int? {
        guard let (write, _) = queue.takeEnded(), case .append(let requests, _) = write.content else { return nil }
        return requests.count
    }

    @Test func `no more are under way than may be, and their outcomes are reported in order`() throws {
        var queue = WriteQueue(maxUnderWay: 2)
        #expect(queue.isIdle && queue.hasRoom)
        for count in 0..<3 {
            queue.add(
                PendingWrite(.append(Array(repeating: AppendRequest(writes: []), count: count), areChecks: false)))
        }
        #expect(!queue.hasRoom)
        let numbers = [begun(&queue), begun(&queue), begun(&queue)]
        let (first, second) = (try #require(numbers[0]), try #require(numbers[1]))
        #expect(numbers[2] == nil, "two are under way")

        let isKnown = queue.end(second, with: .done)
        let early = ended(&queue)
        #expect(isKnown && early == nil, "the first has not ended")
        let none = begun(&queue)
        #expect(none == nil)
        let isTwice = queue.end(second, with: .done)
        #expect(!isTwice)
        let isFirst = queue.end(first, with: .done)
        let reported = [ended(&queue), ended(&queue), ended(&queue)]
        #expect(isFirst && reported == [0, 1, nil])

        let next = begun(&queue)
        let third = try #require(next)
        #expect(queue.hasRoom && !queue.isIdle)
        let isThird = queue.end(third, with: .done)
        let last = ended(&queue)
        #expect(isThird && last == 2 && queue.isIdle)
    }

    @Test func `those that wait can be taken out, those under way not`() {
        var queue = WriteQueue(maxUnderWay: 1)
        queue.add(PendingWrite(.probe))
        _ = queue.begin()
        queue.add(PendingWrite(.append([], areChecks: false)))
        queue.add(PendingWrite(.append([], areChecks: true)))
        queue.add(PendingWrite(.keep([])))
        let changing = queue.removeWaiting(if: \.changesLog)
        #expect(shape(changing) == ["append 0", "keep []"])
        let others = queue.removeWaiting { _ in true }
        #expect(shape(others) == ["checks 0"])
        #expect(!queue.isIdle)
    }

    @Test func `snapshots are written in their order, those in a row together`() {
        var waiting = WaitingSnapshots()
        #expect(waiting.delay == nil)
        waiting.add([keep(1), keep(2), drop(2), drop(3), keep(4)])
        #expect(waiting.delay == .zero)
        let writes = waiting.take()
        #expect(shape(writes) == ["keep [1, 2]", "drop 2", "drop 3", "keep [4]"])
        #expect(writes.map { $0.senders.map(\.number) } == [[1, 2], [2], [3], [4]])
        #expect(waiting.delay == nil)
        waiting.add([keep(5)])
        #expect(waiting.delay.map { $0 > .zero } == true, "they were written just now")
        let rest = waiting.takeAll()
        #expect(shape(rest) == ["keep [5]"])
    }

    @Test func `few are written at once, unless too many wait, by number or by bytes`() {
        var waiting = WaitingSnapshots()
        waiting.add((1...20).map { drop($0) })
        let few = waiting.take()
        #expect(few.count == 8)
        #expect(waiting.delay.map { $0 > .zero } == true)
        waiting.add((21...300).map { drop($0) })
        #expect(waiting.delay == .zero)
        let many = waiting.take()
        #expect(many.count == 292)
        waiting.add((1...9).map { keep($0, bytes: 1 << 20) })
        #expect(waiting.delay == .zero)
        let large = waiting.take()
        #expect(shape(large) == ["keep [1, 2, 3, 4, 5, 6, 7, 8, 9]"])
        #expect(waiting.delay == nil)
    }
}

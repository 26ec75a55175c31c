import EventLogProtocol
import TestSupport
import Testing

@Suite("Pending requests")
struct PendingRequestsTests {
    private let start = ContinuousClock.now

    private func at(_ seconds: Int) -> ContinuousClock.Instant { start + .seconds(seconds) }

    @Test func anAnswerFindsItsRequestOnce() throws {
        var requests = PendingRequests<String>(limit: 10)
        let first = try requests.addOne("first", until: at(1))
        let second = try requests.addOne("second", until: at(1))
        #expect(first != second)
        #expect(requests.answer(second) == "second")
        #expect(requests.lateAnswers == 0)
        #expect(requests.answer(second) == nil)
        #expect(requests.answer(12_345) == nil)
        #expect(requests.lateAnswers == 2)
        #expect(requests.answer(first) == "first")
        #expect(requests.count == 0)
        #expect(requests.nextDeadline == nil)
    }

    @Test func requestsExpireInTheOrderOfTheirDeadlines() throws {
        var requests = PendingRequests<String>(limit: 10)
        for (name, seconds) in [("c", 3), ("a", 1), ("b", 2), ("b too", 2), ("d", 4)] {
            _ = requests.add(name, until: at(seconds))
        }
        #expect(requests.nextDeadline == at(1))
        #expect(requests.expire(at: at(0)) == [])
        #expect(requests.expire(at: at(3)) == ["a", "b", "b too", "c"])
        #expect(requests.nextDeadline == at(4))
        #expect(requests.expire(at: at(3)) == [])
        #expect(requests.expire(at: at(9)) == ["d"])
        #expect(requests.lateAnswers == 0)
    }

    @Test func anAnswerAfterItsDeadlineIsLate() throws {
        var requests = PendingRequests<String>(limit: 10)
        let number = try requests.addOne("slow", until: at(1))
        #expect(requests.expire(at: at(1)) == ["slow"])
        #expect(requests.answer(number) == nil)
        #expect(requests.lateAnswers == 1)
        // Its number is not given to another.
        #expect(requests.add("next", until: at(2)) != number)
    }

    @Test func whatIsWithdrawnIsNeitherAnsweredNorExpired() throws {
        var requests = PendingRequests<String>(limit: 10)
        let number = try requests.addOne("given up", until: at(1))
        _ = requests.add("other", until: at(5))
        #expect(requests.withdraw(number) == "given up")
        #expect(requests.withdraw(number) == nil)
        #expect(requests.lateAnswers == 0)
        #expect(requests.nextDeadline == at(5))
        #expect(requests.answer(number) == nil)
        #expect(requests.lateAnswers == 1)
        #expect(requests.expire(at: at(9)) == ["other"])
    }

    @Test func aFullTableTakesNoMore() throws {
        var requests = PendingRequests<Int>(limit: 2)
        let first = try requests.addOne(1, until: at(1))
        _ = requests.add(2, until: at(1))
        #expect(!requests.hasRoom)
        #expect(requests.add(3, until: at(1)) == nil)
        #expect(requests.count == 2)
        _ = requests.answer(first)
        #expect(requests.hasRoom)
        #expect(requests.add(3, until: at(1)) != nil)
        #expect(requests.expire(at: at(1)) == [2, 3])
        var none = PendingRequests<Int>(limit: 0)
        #expect(none.add(1, until: at(1)) == nil)
    }

    @Test func removingAllGivesTheOldestFirst() throws {
        var requests = PendingRequests<Int>(limit: 100)
        for number in 0..<50 { _ = requests.add(number, until: at(100 - number)) }
        #expect(requests.removeAll() == Array(0..<50))
        #expect(requests.count == 0)
        #expect(requests.nextDeadline == nil)
        #expect(requests.expire(at: at(1000)) == [])
        #expect(requests.removeAll() == [])
    }

    @Test func someAreTakenOutAndTheOthersStay() {
        var requests = PendingRequests<String>(limit: 10)
        for name in ["a1", "b1", "a2", "b2"] { _ = requests.add(name, until: at(5)) }
        let next = requests.nextNumber
        #expect(requests.contains(before: next) { $0 == "b2" })
        #expect(!requests.contains(before: next - 1) { $0 == "b2" })
        let taken = requests.removeAll { $0.hasPrefix("a") }
        #expect(taken == ["a1", "a2"])
        #expect(requests.count == 2)
        #expect(!requests.contains(before: next) { $0.hasPrefix("a") })
        #expect(requests.add("c", until: at(5)) == next)
        #expect(requests.answer(next - 4) == nil)
        #expect(requests.lateAnswers == 1)
        #expect(requests.removeAll() == ["b1", "b2", "c"])
    }

    @Test func answeredRequestsDoNotPileUpBehindOneThatWaits() throws {
        var requests = PendingRequests<Int>(limit: 1000)
        let first = try requests.addOne(-1, until: at(0))
        for number in 0..<20_000 {
            let added = try requests.addOne(number, until: at(10 + number))
            _ = number.isMultiple(of: 2) ? requests.answer(added) : requests.withdraw(added)
        }
        #expect(requests.count == 1)
        let kept = try ["requests", "stragglers"].map { name in
            try #require(Mirror(reflecting: requests).descendant(name) as? any Collection).count
        }
        #expect(kept.reduce(0, +) <= 2 + 64)
        #expect(requests.answer(first) == -1)
    }

    @Test(arguments: 0..<20 as Range<UInt64>)
    func agreesWithANaiveList(seed: UInt64) throws {
        struct Entry {
            let number: UInt64
            let waiter: Int
            let due: ContinuousClock.Instant
        }
        var generator = SeededGenerator(seed: seed)
        let limit = Int.random(in: 1...60, using: &generator)
        var requests = PendingRequests<Int>(limit: limit)
        var model: [Entry] = []
        var (clock, added, late) = (0, UInt64(0), UInt64(0))
        for step in 0..<3000 {
            // One that waits, or one that may have waited once or never.
            let known = model.randomElement(using: &generator)?.number ?? 0
            let some = Bool.random(using: &generator) ? known : UInt64.random(in: 0...added + 2, using: &generator)
            let index = model.firstIndex { $0.number == some }
            switch Int.random(in: 0..<100, using: &generator) {
            case 0..<50:
                let due = at(clock + Int.random(in: -2...40, using: &generator))
                let number = requests.add(step, until: due)
                #expect((number != nil) == (model.count < limit))
                if let number {
                    #expect(number > added)
                    added = number
                    model.append(Entry(number: number, waiter: step, due: due))
                }
            case 50..<70:
                if index == nil { late += 1 }
                #expect(requests.answer(some) == index.map { model.remove(at: $0).waiter })
            case 70..<80:
                #expect(requests.withdraw(some) == index.map { model.remove(at: $0).waiter })
            case 80..<99:
                clock += Int.random(in: 0...5, using: &generator)
                let due = model.filter { $0.due <= at(clock) }.sorted { ($0.due, $0.number) < ($1.due, $1.number) }
                model.removeAll { $0.due <= at(clock) }
                #expect(requests.expire(at: at(clock)) == due.map(\.waiter))
            default:
                #expect(requests.removeAll() == model.map(\.waiter))
                model = []
            }
            #expect(requests.count == model.count)
            #expect(requests.hasRoom == (model.count < limit))
            #expect(requests.nextDeadline == model.map(\.due).min())
            #expect(requests.lateAnswers == late)
        }
    }
}

extension PendingRequests {
    fileprivate mutating func addOne(_ waiter: Waiter, until due: ContinuousClock.Instant) throws -> UInt64 {
        let number = add(waiter, until: due)
        return try #require(number)
    }
}

import Synchronization
import TestSupport
import Testing

@testable import QueryService

@Suite struct PositionWaitersTests {
    /// Waiters, each a task that ends with what it is resumed with.
    private final class Queue: Sendable {
        let waiters: Mutex<PositionWaiters>

        init(limit: Int) { waiters = Mutex(PositionWaiters(limit: limit)) }

        /// Lets a task wait for a position.
        ///
        /// - Returns: its number, and the task; nil where it may not wait.
        func join(for position: UInt64) async -> (number: UInt64, task: Task<Bool, Never>)? {
            let number = waiters.withLock { $0.nextNumber() }
            let (answers, answer) = AsyncStream<Bool>.makeStream()
            let task = Task {
                await withCheckedContinuation { waiter in
                    let isAdded = waiters.withLock { $0.add(number, for: position, waiter) }
                    if !isAdded { waiter.resume(returning: false) }
                    answer.yield(isAdded)
                }
            }
            for await isAdded in answers { return isAdded ? (number, task) : nil }
            return nil
        }

        /// Resumes what `take` takes out.
        ///
        /// - Returns: how many those were.
        func resume(_ take: (inout PositionWaiters) -> [PositionWaiters.Waiter]) -> Int {
            let taken = waiters.withLock { take(&$0) }
            for waiter in taken { waiter.resume(returning: true) }
            return taken.count
        }

        var count: Int { waiters.withLock(\.count) }
    }

    @Test(.timeLimit(.minutes(1))) func `exactly those are taken out whose position is reached`() async throws {
        let queue = Queue(limit: 100)
        var tasks: [UInt64: Task<Bool, Never>] = [:]
        for position in [5, 1, 3, 3, 9, 1] as [UInt64] {
            let (number, task) = try #require(await queue.join(for: position))
            tasks[number] = task
        }
        #expect(queue.resume { $0.takeReached(0) } == 0)
        #expect(queue.resume { $0.takeReached(3) } == 4)
        // The numbers of those that asked for 1, 3, 3 and 1: none of them waits any longer.
        for number in [2, 3, 4, 6] as [UInt64] { #expect(await tasks[number]?.value == true) }
        #expect(queue.count == 2)
        #expect(queue.resume { $0.takeReached(3) } == 0)
        #expect(queue.resume { $0.takeAll() } == 2)
        for number in [1, 5] as [UInt64] { #expect(await tasks[number]?.value == true) }
        #expect(queue.count == 0)
    }

    @Test(.timeLimit(.minutes(1))) func `no more may wait than the limit, until one of them goes`() async throws {
        let queue = Queue(limit: 3)
        var numbers: [UInt64] = []
        for _ in 0..<3 { numbers.append(try #require(await queue.join(for: 7)).number) }
        #expect(await queue.join(for: 7) == nil)
        #expect(queue.count == 3)
        #expect(queue.resume { $0.remove(numbers[1]).map { [$0] } ?? [] } == 1)
        #expect(await queue.join(for: 7) != nil)
        #expect(await queue.join(for: 7) == nil)
        #expect(queue.resume { $0.takeAll() } == 3)
    }

    @Test(.timeLimit(.minutes(1))) func `one that gave up is taken out once`() async throws {
        let queue = Queue(limit: 3)
        let (number, task) = try #require(await queue.join(for: 7))
        #expect(queue.resume { $0.remove(number).map { [$0] } ?? [] } == 1)
        #expect(await task.value)
        #expect(queue.waiters.withLock { $0.remove(number) == nil })
        #expect(queue.waiters.withLock { $0.remove(99) == nil })
        #expect(queue.resume { $0.takeAll() } == 0)
    }

    @Test(.timeLimit(.minutes(2)), arguments: 0..<6 as Range<UInt64>)
    func `random waiters come and go as in a dictionary`(seed: UInt64) async throws {
        var generator = SeededGenerator(seed: seed)
        func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &generator) }
        let queue = Queue(limit: 200)
        var model: [UInt64: (position: UInt64, task: Task<Bool, Never>)] = [:]
        var reached: UInt64 = 0
        for _ in 0..<1500 {
            switch below(10) {
            case 0..<6:
                let position = reached + UInt64(below(40))
                if let (number, task) = await queue.join(for: position) {
                    model[number] = (position, task)
                } else {
                    #expect(model.count == 200)
                }
            case 6..<9:
                // Many give up, so that the places of those that are gone are cleared away more than once.
                guard let number = model.keys.sorted().dropFirst(below(max(1, model.count))).first else { continue }
                #expect(queue.resume { $0.remove(number).map { [$0] } ?? [] } == 1)
                #expect(await model.removeValue(forKey: number)?.task.value == true)
            default:
                reached += UInt64(below(8))
                let gone = model.filter { $0.value.position <= reached }
                #expect(queue.resume { $0.takeReached(reached) } == gone.count, "seed \(seed)")
                for (number, waiter) in gone {
                    #expect(await waiter.task.value)
                    model[number] = nil
                }
            }
            #expect(queue.count == model.count, "seed \(seed)")
        }
        #expect(queue.resume { $0.takeAll() } == model.count)
        for waiter in model.values { #expect(await waiter.task.value) }
    }
}

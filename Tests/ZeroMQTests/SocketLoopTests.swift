import Foundation
import TestSupport
import Testing
import ZeroMQ

/// Two of these on one loop share its thread.
private actor Pinned {
    nonisolated let loop: SocketLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { loop.asUnownedSerialExecutor() }

    private(set) var log: [String] = []
    private(set) var next = [Int](repeating: 0, count: 8)
    private(set) var outOfOrder = 0
    private(set) var offThread = 0

    init(on loop: SocketLoop) { self.loop = loop }

    func note(_ entry: String) { log.append(entry) }

    func call(_ number: Int, from task: Int) {
        if !loop.isCurrent { offThread += 1 }
        if next[task] != number { outOfOrder += 1 }
        next[task] = number + 1
    }

    func callMany(_ other: Pinned, _ count: Int, as task: Int) async {
        for number in 0..<count { await other.call(number, from: task) }
    }

    func perform<Result: Sendable>(_ body: @Sendable (isolated Pinned) throws -> Result) rethrows -> Result {
        try body(self)
    }

    /// Keeps the loop's inbox filled until `condition` holds.
    func yield(until condition: @Sendable () -> Bool) async {
        while !condition() { await Task.yield() }
    }

    func wait(for delay: Duration) async {
        await withCheckedContinuation { continuation in
            loop.schedule(after: delay) { continuation.resume() }
        }
    }

    func waitForTheTurnToEnd() async {
        await withCheckedContinuation { continuation in
            loop.afterThisTurn { continuation.resume() }
        }
    }

    /// Notes what `entry` says when the job after this one runs.
    func later(_ entry: @escaping @Sendable () -> String) -> Task<Void, Never> {
        Task { note(entry()) }
    }

    func taskOfItsOwn() -> Task<Bool, Never> {
        Task { loop.isCurrent }
    }
}

@Suite("The socket loop", .timeLimit(.minutes(1)))
struct SocketLoopTests {
    // MARK: jobs

    @Test func aStormOfCallsLosesNoneAndKeepsEachTasksOrder() async throws {
        try await onStage { stage in
            let pinned = Pinned(on: try stage.loop())
            await withTaskGroup { group in
                for task in 0..<8 {
                    group.addTask {
                        for number in 0..<20_000 { await pinned.call(number, from: task) }
                    }
                }
            }
            #expect(await pinned.next == [Int](repeating: 20_000, count: 8))
            #expect(await pinned.outOfOrder == 0)
            #expect(await pinned.offThread == 0)
        }
    }

    @Test func callsThatFindTheLoopAsleepWakeIt() async throws {
        // One at a time, so that the loop falls asleep between them.
        try await onStage { stage in
            let pinned = Pinned(on: try stage.loop())
            for number in 0..<5000 { await pinned.call(number, from: 0) }
            #expect(await pinned.next[0] == 5000)
        }
    }

    @Test func actorsOfOneLoopCallEachOtherOnItsThread() async throws {
        try await onStage { stage in
            let loop = try stage.loop()
            let (caller, called) = (Pinned(on: loop), Pinned(on: loop))
            await caller.callMany(called, 20_000, as: 0)
            #expect(await called.next[0] == 20_000)
            #expect(await called.outOfOrder == 0)
            #expect(await called.offThread == 0)
        }
    }

    @Test func aTaskStartedOnTheLoopsThreadRunsThereWithoutAnotherWakeUp() async throws {
        try await onStage { stage in
            let pinned = Pinned(on: try stage.loop())
            for _ in 0..<1000 { #expect(await pinned.taskOfItsOwn().value) }
        }
    }

    @Test func theLoopKnowsItsThread() async throws {
        try await onStage { stage in
            let (loop, other) = (try stage.loop(), try stage.loop())
            #expect(!loop.isCurrent)
            #expect(loop.isIsolatingCurrentContext() == false)
            let pinned = Pinned(on: loop)
            #expect(await pinned.perform { _ in loop.isCurrent })
            #expect(await pinned.perform { _ in loop.isIsolatingCurrentContext() } == true)
            #expect(await !pinned.perform { _ in other.isCurrent })
            await pinned.perform { isolated in pinned.assumeIsolated { $0.note("assumed") } }
            #expect(await pinned.log == ["assumed"])
        }
    }

    // MARK: turns

    @Test func afterThisTurnSeesWhatEverySocketBrought() async throws {
        try await onStage { stage in
            let loop = try stage.loop()
            let routers = [try await stage.peer(.router, on: loop), try await stage.peer(.router, on: loop)]
            let dealers = [try await stage.peer(.dealer, on: loop), try await stage.peer(.dealer, on: loop)]
            for (router, dealer) in zip(routers, dealers) {
                try await dealer.connect(router.bind(Transport.inproc.newEndpoint))
            }
            let pinned = Pinned(on: loop)
            try await pinned.perform { isolated in
                // Over inproc a message waits as soon as it is sent, so both do when this turn's sockets are served.
                for dealer in dealers { try dealer.assumeIsolated { _ = try $0.send([[1]]) } }
                loop.afterThisTurn {
                    let counts = routers.map { router in router.assumeIsolated { $0.received.count } }
                    pinned.assumeIsolated { $0.note("\(counts)") }
                }
            }
            try await eventually("the end of the turn") { await !pinned.log.isEmpty }
            #expect(await pinned.log == ["[1, 1]"])
        }
    }

    @Test func afterThisTurnRunsOnceAndInOrderAndMayComeBackWithoutHoldingUpAnything() async throws {
        try await onStage { stage in
            let loop = try stage.loop()
            let pinned = Pinned(on: loop)
            let stop = Counter()
            let turns = Counter()
            await pinned.perform { isolated in
                for number in 1...3 {
                    loop.afterThisTurn { pinned.assumeIsolated { $0.note("\(number)") } }
                }
            }
            @Sendable func again() {
                turns.increment()
                if stop.count == 0 { loop.afterThisTurn(again) }
            }
            await pinned.perform { _ in loop.afterThisTurn(again) }
            // It never sleeps now, and yet serves timers, jobs and sockets.
            await pinned.wait(for: .milliseconds(5))
            let router = try await stage.peer(.router, roomy, .echo, on: loop)
            let dealer = try await stage.peer(.dealer)
            try await dealer.connect(router.bind(Transport.tcp.newEndpoint))
            try await dealer.sendAll(0..<10) { numbered($0) }
            try await eventually("10 answers") { await dealer.received.count >= 10 }
            #expect(turns.count > 1)
            stop.increment()
            #expect(await pinned.log == ["1", "2", "3"])
        }
    }

    @Test func theTurnOfAnIdleLoopEndsAtOnce() async throws {
        try await onStage { stage in
            let pinned = Pinned(on: try stage.loop())
            for _ in 0..<100 { await pinned.waitForTheTurnToEnd() }
        }
    }

    @Test func aBusySocketStarvesNeitherTimersNorJobs() async throws {
        try await onStage { stage in
            let loop = try stage.loop()
            let router = Peer(on: loop, mostPerTurn: 10)
            try await router.open(.router, roomy)
            await router.pause()
            let dealer = try await stage.peer(.dealer, roomy, on: loop)
            try await dealer.connect(router.bind(Transport.inproc.newEndpoint))
            #expect(try await dealer.sendUntilRefused(0..<5000) { numbered($0) } == 5000)

            let pinned = Pinned(on: loop)
            let job = await pinned.perform { isolated in
                router.assumeIsolated { $0.resume() }
                let seen: @Sendable () -> Int = { router.assumeIsolated { $0.received.count } }
                loop.schedule(after: .zero) { pinned.assumeIsolated { $0.note("timer: \(seen())") } }
                return isolated.later { "job: \(seen())" }
            }
            await job.value
            try await eventually("all messages") { await router.received.count == 5000 }
            // Each after one turn in which the socket was served once.
            #expect(await pinned.log == ["timer: 10", "job: 10"])
        }
    }

    @Test func busyActorsAndTimersDoNotStarveSockets() async throws {
        try await onStage { stage in
            let loop = try stage.loop()
            let router = try await stage.peer(.router, roomy, .echo, on: loop)
            let dealer = try await stage.peer(.dealer)
            try await dealer.connect(router.bind(Transport.tcp.newEndpoint))
            let stop = Counter()
            let pinned = Pinned(on: loop)
            @Sendable func again() {
                if stop.count == 0 { loop.schedule(after: .seconds(-3600), again) }
            }
            await pinned.perform { _ in loop.schedule(after: .zero, again) }
            async let busy: Void = pinned.yield { stop.count > 0 }
            try await dealer.sendAll(0..<100) { numbered($0) }
            try await eventually("100 answers") { await dealer.received.count >= 100 }
            stop.increment()
            await busy
        }
    }

    // MARK: timers

    @Test func timersRunInTheOrderInWhichTheyAreDueAndNeverEarly() async throws {
        try await onStage { stage in
            let loop = try stage.loop()
            let pinned = Pinned(on: loop)
            let early = Counter()
            await pinned.perform { isolated in
                for milliseconds in [30, 1, 20, 10, 0, 2, 25] {
                    let due = ContinuousClock.now + .milliseconds(milliseconds)
                    loop.schedule(after: .milliseconds(milliseconds)) {
                        if ContinuousClock.now < due { early.increment() }
                        pinned.assumeIsolated { $0.note("\(milliseconds)") }
                    }
                }
            }
            // The loop is idle from here on, but for these looks at it.
            try await eventually("7 timers") { await pinned.log.count == 7 }
            #expect(await pinned.log == ["0", "1", "2", "10", "20", "25", "30"])
            #expect(early.count == 0)
        }
    }

    @Test func aTimerWakesAnIdleLoop() async throws {
        try await onStage { stage in
            let pinned = Pinned(on: try stage.loop())
            let start = ContinuousClock.now
            await pinned.wait(for: .milliseconds(30))
            #expect(.now - start >= .milliseconds(30))
            // One that is due later does not keep one waiting that is set after it.
            await pinned.perform { isolated in isolated.loop.schedule(after: .seconds(3600)) {} }
            await pinned.wait(for: .milliseconds(1))
        }
    }

    @Test func aThousandTimersAreEachRunOnce() async throws {
        try await onStage { stage in
            let loop = try stage.loop()
            let pinned = Pinned(on: loop)
            var generator = SeededGenerator(seed: 7)
            let delays = (0..<1000).map { _ in Int.random(in: 0...50, using: &generator) }
            await pinned.perform { isolated in
                for (number, delay) in delays.enumerated() {
                    loop.schedule(after: .milliseconds(delay)) { pinned.assumeIsolated { $0.note("\(number)") } }
                }
            }
            try await eventually("1000 timers") { await pinned.log.count >= 1000 }
            #expect(Set(await pinned.log).count == 1000)
        }
    }

    // MARK: ends

    @Test func actorsGoOnAfterTheLoopIsClosedAndSocketsSaySo() async throws {
        try await onStage { stage in
            let loop = try stage.loop()
            let dealer = try await stage.peer(.dealer, on: loop)
            let router = try await stage.peer(.router, on: loop)
            try await dealer.connect(router.bind(Transport.tcp.newEndpoint))
            await loop.close()
            await #expect(throws: ZeroMQError.self) { try await dealer.send([[1]]) }
            await #expect(throws: ZeroMQError.self) { try await router.bind(Transport.tcp.newEndpoint) }
            await #expect(throws: ZeroMQError.self) { try await dealer.connect("tcp://127.0.0.1:1") }
            let pinned = Pinned(on: loop)
            await pinned.wait(for: .milliseconds(1))
            #expect(await pinned.perform { _ in loop.isCurrent })
            // Closing it did not make it useless.
            let again = try await stage.peer(.router, roomy, .echo, on: loop)
            let asking = try await stage.peer(.dealer)
            try await asking.connect(again.bind(Transport.tcp.newEndpoint))
            try await asking.sendAll(0..<1) { numbered($0) }
            try await eventually("an answer") { await asking.received.count == 1 }
        }
    }

    @Test func theThreadEndsWithTheLoopAndGivesEverythingBack() async throws {
        let context = try Context()
        weak var forgotten: SocketLoop?
        weak var owner: Peer?
        do {
            let loop = try SocketLoop(name: "daybook-gone", context: context)
            forgotten = loop
            try await eventually("the thread has started") { threads().contains("daybook-gone") }
            let peer = Peer(on: loop)
            owner = peer
            try await peer.open(.router, isWatched: true)
            _ = try await peer.bind(Transport.tcp.newEndpoint)
            await Pinned(on: loop).perform { _ in
                loop.schedule(after: .seconds(3600)) {}
                loop.afterThisTurn {}
            }
        }
        try await eventually("the loop is gone") { forgotten == nil && owner == nil }
        try await eventually("the thread is gone") { !threads().contains("daybook-gone") }
        #expect(await context.close())
    }

    @Test func usingALoopFromAnotherThreadEndsTheProcess() async {
        await #expect(processExitsWith: .failure) {
            let loop = try SocketLoop(name: "test", context: Context())
            loop.schedule(after: .zero) {}
        }
        await #expect(processExitsWith: .failure) {
            _ = try Socket(.router, on: SocketLoop(name: "test", context: Context()))
        }
    }

    private func threads() -> [String] {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return tasks.compactMap { try? String(contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8) }
            .map { $0.trimmingCharacters(in: .newlines) }
    }
}
